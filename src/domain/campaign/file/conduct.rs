//! What the file says of a campaign's behaviour: slots, leaving early, stopping by itself.

use super::super::conduct::{Conduct, Exit, Share, SlotScope, StopWhen};
use super::super::reader::{Keys, Section, Setting};
use super::Reading;
use toml::de::DeValue;

const EXIT: Keys = Keys { known: &["on_reply", "attributes"], later: &[] };
const STOP_WHEN: Keys = Keys { known: &["failed", "opted_out", "after"], later: &[] };
const EXIT_FORM: &str = "write exit = { on_reply = true, attributes = { paid = [\"yes\"] } }";
const STOP_FORM: &str = "write stop_when = { failed = 0.3, opted_out = 0.05, after = 50 }";
const SLOTS_FORM: &str = "write slots = \"campaign\" for slots of its own, or slots = \"organisation\"";

impl Reading<'_, '_, '_> {
    pub(super) fn conduct(&mut self, root: &Section<'_, '_>) -> Conduct {
        let mut conduct = Conduct::default();
        if let Some(setting) = root.get("slots") {
            conduct.slots = self.slots(&setting).unwrap_or_default();
        }
        if let Some(setting) = root.get("exit") {
            conduct.exit = self.exit(&setting).unwrap_or_default();
        }
        if let Some(setting) = root.get("stop_when") {
            conduct.stop_when = self.stop_when(&setting).unwrap_or_default();
        }
        conduct
    }

    /// Whether texts get the line that says how to stop: the file's word, else the organisation's.
    pub(super) fn opt_out_line(&mut self, root: &Section<'_, '_>) -> bool {
        root.get("opt_out_line")
            .and_then(|setting| self.yes_or_no(&setting, "write opt_out_line = false to leave it out"))
            .unwrap_or(self.context.opt_out_line)
    }

    fn yes_or_no(&mut self, setting: &Setting<'_, '_>, wanted: &str) -> Option<bool> {
        let DeValue::Boolean(value) = setting.value else {
            self.refuse(setting, format_args!("{} is neither true nor false: {wanted}", setting.path));
            return None;
        };
        Some(*value)
    }

    fn slots(&mut self, setting: &Setting<'_, '_>) -> Option<SlotScope> {
        match setting.string(SLOTS_FORM, self.findings)? {
            "campaign" => Some(SlotScope::Campaign),
            "organisation" => Some(SlotScope::Organisation),
            other => {
                self.refuse(setting, format_args!("{} is {other:?}: {SLOTS_FORM}", setting.path));
                None
            }
        }
    }

    fn exit(&mut self, setting: &Setting<'_, '_>) -> Option<Exit> {
        let section = setting.section(EXIT_FORM, self.findings)?;
        section.check_keys(&EXIT, self.findings);
        if section.settings().is_empty() {
            self.refuse(setting, format_args!("{} names nothing: {EXIT_FORM}", setting.path));
        }
        let on_reply = section.get("on_reply").and_then(|setting| self.yes_or_no(&setting, EXIT_FORM));
        let attributes = section.get("attributes").map(|setting| self.attributes(&setting));
        Some(Exit { on_reply: on_reply.unwrap_or_default(), attributes: attributes.unwrap_or_default() })
    }

    fn stop_when(&mut self, setting: &Setting<'_, '_>) -> Option<StopWhen> {
        let section = setting.section(STOP_FORM, self.findings)?;
        section.check_keys(&STOP_WHEN, self.findings);
        if section.settings().is_empty() {
            self.refuse(setting, format_args!("{} names nothing: {STOP_FORM}", setting.path));
        }
        let failed = section.get("failed").and_then(|setting| self.share(&setting));
        let opted_out = section.get("opted_out").and_then(|setting| self.share(&setting));
        let after = section.get("after").and_then(|setting| {
            let value = setting.integer(STOP_FORM, self.findings)?;
            let count = u32::try_from(value).ok().filter(|count| (1..=1_000_000).contains(count));
            if count.is_none() {
                let sentence =
                    format!("{} is {value}: it is a number of messages from 1 to 1000000", setting.path);
                self.refuse(&setting, sentence);
            }
            count
        });
        Some(StopWhen { failed, opted_out, after })
    }

    fn share(&mut self, setting: &Setting<'_, '_>) -> Option<Share> {
        let read = match setting.value {
            DeValue::Float(number) => Share::parse(number.as_str()),
            DeValue::Integer(number) => Share::parse(number.as_str()),
            _ => {
                self.refuse(setting, format_args!("{} is no number: {STOP_FORM}", setting.path));
                return None;
            }
        };
        self.keep(setting, read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::campaign::{CampaignFile, CampaignSpec, Context};

    const STEP: &str = "[[steps]]\ntext = { en = \"Hi\", fr = \"Salut\" }\n";

    fn read(lines: &str, line: bool) -> Result<CampaignSpec, Vec<String>> {
        let context = Context { opt_out_line: line, ..Context::in_zone(chrono_tz::Africa::Douala) };
        let text = format!("name = \"a\"\n{lines}\n{STEP}");
        CampaignFile::parse(&text, "c.toml", &context)
            .map_err(|findings| findings.into_iter().map(|finding| finding.sentence).collect())
    }

    fn conduct(lines: &str) -> Conduct {
        read(lines, false).unwrap_or_else(|sentences| panic!("{lines}: {sentences:?}")).conduct
    }

    #[test]
    fn what_is_said_is_read() {
        assert_eq!(conduct(""), Conduct::default());
        assert_eq!(conduct("slots = \"campaign\"").slots, SlotScope::Campaign);
        let exit = conduct("exit = { on_reply = true, attributes = { paid = [\"yes\"] } }").exit;
        assert!(exit.on_reply);
        assert_eq!(exit.attributes["paid"], ["yes"]);
        let stop = conduct("stop_when = { failed = 0.25, after = 10 }").stop_when;
        assert_eq!(
            (stop.failed.map(Share::ten_thousandths), stop.opted_out, stop.after),
            (Some(2_500), None, Some(10))
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (lines, sentence) in [
            ("slots = \"mine\"", "slots is \"mine\": write slots = \"campaign\""),
            ("exit = {}", "exit names nothing: write exit = { on_reply = true"),
            ("exit = { on_reply = \"yes\" }", "exit.on_reply is neither true nor false"),
            ("exit = { onreply = true }", "unknown key exit.onreply: did you mean on_reply?"),
            (
                "stop_when = { failed = 30 }",
                "stop_when.failed is no share: write a number above 0 and at most 1",
            ),
            ("stop_when = { opted_out = \"5%\" }", "stop_when.opted_out is no number"),
            ("stop_when = { after = 0 }", "stop_when.after is 0: it is a number of messages"),
            ("opt_out_line = \"no\"", "opt_out_line is neither true nor false"),
        ] {
            let sentences = read(lines, false).err().unwrap_or_default();
            assert!(sentences.len() == 1 && sentences[0].starts_with(sentence), "{lines}: {sentences:?}");
        }
    }

    #[test]
    fn the_file_s_word_on_the_line_goes_before_the_organisation_s() {
        for (lines, usual, french) in [
            ("", false, "Salut"),
            ("", true, "Salut\n\nRépondez STOP pour ne plus recevoir de messages."),
            ("opt_out_line = false", true, "Salut"),
            ("opt_out_line = true", false, "Salut\n\nRépondez STOP pour ne plus recevoir de messages."),
        ] {
            let spec = read(lines, usual).unwrap_or_else(|sentences| panic!("{lines}: {sentences:?}"));
            assert_eq!(spec.steps[0].content.texts.0[1].text.source(), french, "{lines} {usual}");
        }
    }

    #[test]
    fn the_line_counts_where_the_length_counts() {
        let media =
            "[[steps]]\nafter = \"1d\"\nmedia = { kind = \"image\", url = \"https://example.com/a.jpg\" }\n";
        let text = format!("name = \"a\"\n{STEP}{media}text = {{ en = \"{}\" }}\n", "x".repeat(1_000));
        let context = |opt_out_line| Context { opt_out_line, ..Context::in_zone(chrono_tz::Africa::Douala) };
        assert!(CampaignFile::parse(&text, "c.toml", &context(false)).is_ok());
        let findings = CampaignFile::parse(&text, "c.toml", &context(true)).err().unwrap_or_default();
        assert_eq!(
            findings[0].sentence,
            "steps[1].text.en has 1037 characters; beside media a text has at most 1024"
        );
    }
}
