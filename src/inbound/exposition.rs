//! The text in which Prometheus reads figures (its exposition format 0.0.4): families with help and kind, one line for
//! each set of labels, label values escaped.

use std::fmt::{Display, Write as _};

/// What the format calls itself.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of figure a family holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, until the program begins anew.
    Counter,
}

/// A text under construction.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// Begins a family: all lines with this name follow it.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One figure of the family that was begun last.
    pub fn figure(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.0.push(if at == 0 { '{' } else { ',' });
            let _ = write!(self.0, "{label}=\"");
            self.0.extend(text.chars().map(Escaped).map(|each| each.to_string()));
            self.0.push('"');
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }

    /// A family of one figure.
    pub fn single(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        labels: &[(&str, &str)],
        value: impl Display,
    ) {
        self.family(name, kind, help);
        self.figure(name, labels, value);
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.0
    }
}

/// A character of a label's value, as the format wants it.
struct Escaped(char);

impl Display for Escaped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        let mut text = Exposition::default();
        text.family("a_total", Kind::Counter, "All\nof \\ them.");
        text.figure("a_total", &[("name", "x\"} 1\nb 2\\"), ("other", "é")], 7);
        text.single("b", Kind::Gauge, "One.", &[], 0.5);
        assert_eq!(
            text.finish(),
            "# HELP a_total All\\nof \\\\ them.\n# TYPE a_total counter\n\
             a_total{name=\"x\\\"} 1\\nb 2\\\\\",other=\"é\"} 7\n\
             # HELP b One.\n# TYPE b gauge\nb 0.5\n"
        );
    }
}
