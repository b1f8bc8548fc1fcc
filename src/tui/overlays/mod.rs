//! What lies over the tabs: one stack, the last one has the keys. "Two dialogs half open" cannot be said.

pub mod confirm;
pub mod copy;
pub mod doubts;
pub mod drawer;
pub mod filter;
pub mod forecast;
pub mod form;
pub mod help;
pub mod instances;
pub mod palette;
pub mod picker;
pub mod quit;
pub mod reason;
pub mod stop;

/// One of them.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// Everything about one thing.
    Drawer(drawer::Drawer),
    /// The keys.
    Help(help::Help),
    /// Any command.
    Palette(palette::Palette),
    /// A question before something dangerous.
    Confirm(Box<confirm::Confirm>),
    /// A number, new or edited.
    Form(Box<form::NumberForm>),
    /// The operator's words for the audit log.
    Reason(Box<reason::ReasonPrompt>),
    /// What to copy.
    Copy,
    /// A filter being typed.
    Filter(filter::FilterInput),
    /// A short list to choose from.
    Picker(picker::Picker),
    /// Running programs and who holds which number; scrolled so far.
    Instances(usize),
    /// When a campaign will be done, day by day.
    Forecast(Box<forecast::ForecastPanel>),
    /// Attempts in doubt.
    Doubts,
    /// All sending is stopped: what is still in the air.
    Stop,
    /// Whether to quit while this process sends.
    Quit(quit::Quit),
}
