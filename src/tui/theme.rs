//! Colours and glyphs. The terminal's own foreground and background, the sixteen ANSI colours, and never a colour as
//! the only sign: a state is a word, the selection a `>`, a mark a `*`, trouble `!!`.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of the screen means; the theme decides how that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Plain text.
    Text,
    /// Of less weight: units, what is old, what cannot be done now.
    Dim,
    /// Borders.
    Frame,
    /// Titles and column headings.
    Title,
    /// The tab that is open.
    TabOn,
    /// The row under the cursor.
    Selected,
    /// All is well.
    Good,
    /// Waits or needs a look.
    Warn,
    /// Wrong.
    Bad,
    /// Nobody knows.
    Doubt,
    /// Names of keys.
    Key,
    /// A line that must not be missed.
    Banner,
    /// The word for real people at the other end.
    Production,
    /// Changed by somebody else a moment ago.
    Changed,
    /// Where typing goes.
    Input,
}

/// The presets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// For dark backgrounds.
    #[default]
    Dark,
    /// For light backgrounds: no yellow, no white.
    Light,
    /// No colour at all (`NO_COLOR`): weight, reverse and underline only.
    Mono,
    /// Bright colours, nothing dimmed.
    HighContrast,
}

impl Preset {
    /// Reads the name used in configuration.
    pub fn read(name: &str) -> Option<Self> {
        match name {
            "dark" => Some(Self::Dark),
            "light" => Some(Self::Light),
            "mono" => Some(Self::Mono),
            "high-contrast" => Some(Self::HighContrast),
            _ => None,
        }
    }
}

/// How the screen looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theme {
    /// Which colours.
    pub preset: Preset,
    /// Only ASCII: for locales without UTF-8, or because the operator asked.
    pub ascii: bool,
    /// Words instead of moving glyphs.
    pub reduce_motion: bool,
}

impl Theme {
    /// What the environment says, where configuration says nothing.
    pub fn detect(preset: Option<Preset>, ascii: Option<bool>) -> Self {
        Self::from_environment(preset, ascii, |name| std::env::var(name).ok())
    }

    fn from_environment(
        preset: Option<Preset>,
        ascii: Option<bool>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let light = set("COLORFGBG").and_then(|colours| {
            colours.rsplit(';').next().and_then(|background| background.parse::<u8>().ok())
        });
        let preset = if set("NO_COLOR").is_some() {
            Preset::Mono
        } else {
            preset.unwrap_or(match light {
                Some(7 | 15) => Preset::Light,
                _ => Preset::Dark,
            })
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
        let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        Self { preset, ascii: ascii.unwrap_or(!utf8), reduce_motion: false }
    }

    /// How a role looks.
    pub fn style(self, role: Role) -> Style {
        let plain = Style::new();
        match self.preset {
            Preset::Mono => mono(role),
            Preset::Dark => coloured(role, Color::Yellow, Color::Magenta, Color::Cyan),
            Preset::Light => coloured(role, Color::Magenta, Color::Blue, Color::Blue),
            Preset::HighContrast => match role {
                Role::Dim | Role::Frame => plain,
                Role::Good => plain.fg(Color::LightGreen).add_modifier(Modifier::BOLD),
                Role::Warn => plain.fg(Color::LightYellow).add_modifier(Modifier::BOLD),
                Role::Bad => plain.fg(Color::LightRed).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
                Role::Doubt => plain.fg(Color::LightMagenta).add_modifier(Modifier::BOLD),
                Role::Key => plain.fg(Color::LightCyan).add_modifier(Modifier::BOLD),
                Role::Banner | Role::Production => {
                    plain.fg(Color::LightRed).add_modifier(Modifier::BOLD | Modifier::REVERSED)
                }
                other => mono(other),
            },
        }
    }

    /// A glyph, or its ASCII stand-in.
    pub fn glyph(self, fine: &'static str, plain: &'static str) -> &'static str {
        if self.ascii { plain } else { fine }
    }
}

fn mono(role: Role) -> Style {
    let plain = Style::new();
    match role {
        Role::Text | Role::Good => plain,
        Role::Dim | Role::Frame => plain.add_modifier(Modifier::DIM),
        Role::Title | Role::Key | Role::Warn => plain.add_modifier(Modifier::BOLD),
        Role::Bad | Role::Doubt => plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        Role::TabOn | Role::Selected => plain.add_modifier(Modifier::REVERSED),
        Role::Banner | Role::Production => plain.add_modifier(Modifier::REVERSED | Modifier::BOLD),
        Role::Changed | Role::Input => plain.add_modifier(Modifier::UNDERLINED),
    }
}

fn coloured(role: Role, warn: Color, doubt: Color, key: Color) -> Style {
    let plain = Style::new();
    match role {
        Role::Good => plain.fg(Color::Green),
        Role::Warn => plain.fg(warn),
        Role::Bad => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        Role::Doubt => plain.fg(doubt).add_modifier(Modifier::BOLD),
        Role::Key => plain.fg(key),
        Role::Banner | Role::Production => {
            plain.fg(Color::Red).add_modifier(Modifier::BOLD | Modifier::REVERSED)
        }
        other => mono(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(variables: &[(&str, &str)]) -> Theme {
        Theme::from_environment(None, None, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_is_understood_as_everybody_means_it() {
        assert_eq!(detect(&[("LANG", "C.UTF-8")]).preset, Preset::Dark);
        assert_eq!(detect(&[("NO_COLOR", "1")]).preset, Preset::Mono);
        assert_eq!(detect(&[("NO_COLOR", "")]).preset, Preset::Dark);
        assert_eq!(detect(&[("COLORFGBG", "0;15")]).preset, Preset::Light);
        assert_eq!(detect(&[("COLORFGBG", "15;0")]).preset, Preset::Dark);
        assert!(!detect(&[("LANG", "de_DE.utf8")]).ascii);
        assert!(detect(&[("LANG", "C")]).ascii);
        assert!(detect(&[]).ascii);
        assert!(detect(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")]).ascii, "LC_ALL wins");
    }

    #[test]
    fn mono_sets_no_colour_and_yet_tells_states_apart() {
        let theme = Theme { preset: Preset::Mono, ..Theme::default() };
        for role in [Role::Text, Role::Selected, Role::Bad, Role::Banner, Role::Key, Role::Doubt, Role::Good]
        {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
        assert!(theme.style(Role::Selected).add_modifier.contains(Modifier::REVERSED));
        assert_ne!(theme.style(Role::Bad), theme.style(Role::Text));
    }

    #[test]
    fn light_uses_no_yellow_and_no_white() {
        let theme = Theme { preset: Preset::Light, ..Theme::default() };
        for role in [Role::Warn, Role::Key, Role::Doubt, Role::Good] {
            let colour = theme.style(role).fg;
            assert!(!matches!(colour, Some(Color::Yellow | Color::LightYellow | Color::White)), "{role:?}");
        }
    }
}
