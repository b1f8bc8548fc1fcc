//! What the file says of a campaign's behaviour: slots, leaving early, stopping by itself.

use super::super::conduct::{Conduct, Exit, Share, SlotScope, StopWhen};
use super::super::reader::{Keys, Section, Setting};
use super::super::rollout::Rollout;
use super::super::spec::Delay;
use super::Reading;
use toml::de::DeValue;

const EXIT: Keys = Keys { known: &["on_reply", "attributes"], later: &[] };
const STOP_WHEN: Keys = Keys { known: &["failed", "opted_out", "content_refused", "after"], later: &[] };
const ROLLOUT: Keys = Keys { known: &["stages", "after", "failed", "opted_out", "wait"], later: &[] };
const ROLLOUT_FORM: &str = "write rollout = [1, 10, 100], or rollout = { stages = [1, 10, 100], after = 50, failed = 0.1, opted_out = 0.02, wait = \"1h\" }";
const EXIT_FORM: &str = "write exit = { on_reply = true, attributes = { paid = [\"yes\"] } }";
const STOP_FORM: &str =
    "write stop_when = { failed = 0.3, opted_out = 0.05, content_refused = 0.2, after = 50 }";
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
        if let Some(setting) = root.get("rollout") {
            conduct.rollout = self.rollout(&setting);
        }
        conduct
    }

    /// Stages alone, or stages with their conditions.
    fn rollout(&mut self, setting: &Setting<'_, '_>) -> Option<Rollout> {
        if let DeValue::Array(_) = setting.value {
            return self.stages(setting);
        }
        let section = setting.section(ROLLOUT_FORM, self.findings)?;
        section.check_keys(&ROLLOUT, self.findings);
        let stages = section.require("stages", ROLLOUT_FORM, self.findings, &ROLLOUT)?;
        let mut rollout = self.stages(&stages)?;
        if let Some(setting) = section.get("after") {
            rollout.after = self.messages(&setting, ROLLOUT_FORM)?;
        }
        if let Some(setting) = section.get("failed") {
            rollout.failed = self.share(&setting)?;
        }
        if let Some(setting) = section.get("opted_out") {
            rollout.opted_out = self.share(&setting)?;
        }
        if let Some(setting) = section.get("wait") {
            let raw = setting.string("write wait = \"1h\"", self.findings)?;
            rollout.wait = self.keep(&setting, Delay::parse(raw))?;
        }
        Some(rollout)
    }

    fn stages(&mut self, setting: &Setting<'_, '_>) -> Option<Rollout> {
        let elements = setting.list(ROLLOUT_FORM, self.findings);
        let mut stages = Vec::new();
        for element in &elements {
            let value = element.integer(ROLLOUT_FORM, self.findings)?;
            stages.push(u32::try_from(value).unwrap_or(0));
        }
        self.keep(setting, Rollout::in_stages(stages))
    }

    /// A standing campaign has never all of its people, of which a part could be taken.
    pub(super) fn check_rollout(&mut self, root: &Section<'_, '_>, rolls_out: bool, standing: bool) {
        if let Some(setting) = root.get("rollout").filter(|_| rolls_out && standing) {
            self.refuse(&setting, "rollout stands beside standing: a standing campaign takes people in one by one, of whom no part can be first; take one of the two out");
        }
    }

    fn messages(&mut self, setting: &Setting<'_, '_>, wanted: &str) -> Option<u32> {
        let value = setting.integer(wanted, self.findings)?;
        let count = u32::try_from(value).ok().filter(|count| (1..=1_000_000).contains(count));
        if count.is_none() {
            let sentence =
                format!("{} is {value}: it is a number of messages from 1 to 1000000", setting.path);
            self.refuse(setting, sentence);
        }
        count
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
        // Nobody has it before the first one leaves by it: whether it is a slip of the pen is for the findings to say.
        let attributes = section.get("attributes").map(|setting| self.attributes(&setting, None));
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
        let content_refused = section.get("content_refused").and_then(|setting| self.share(&setting));
        let after = section.get("after").and_then(|setting| self.messages(&setting, STOP_FORM));
        Some(StopWhen { failed, opted_out, content_refused, after })
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
        let rollout = conduct("rollout = [1, 10, 100]").rollout.unwrap();
        assert_eq!(
            (rollout.stages.as_slice(), rollout.after, rollout.wait.seconds()),
            (&[1, 10, 100][..], 50, 3_600)
        );
        let lines = "rollout = { stages = [25, 50, 100], after = 10, failed = 0.2, opted_out = 0.01, wait = \"30m\" }";
        let rollout = conduct(lines).rollout.unwrap();
        assert_eq!(
            (rollout.after, rollout.failed.ten_thousandths(), rollout.wait.seconds()),
            (10, 2_000, 1_800)
        );
        let stop = conduct("stop_when = { content_refused = 0.1 }").stop_when;
        assert_eq!(stop.content_refused.map(Share::ten_thousandths), Some(1_000));
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
            ("rollout = [1, 10]", "rollout is no list of stages: write 2 to 10 whole percentages"),
            (
                "rollout = { stages = [1, 100], wait = \"soon\" }",
                "rollout.wait \"soon\" is not a length of time",
            ),
            ("rollout = { after = 5 }", "rollout.stages is missing"),
            (
                "rollout = [1, 100]\nstanding = { after = \"1h\", every = \"1h\" }",
                "rollout stands beside standing",
            ),
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
    fn a_step_without_a_text_says_what_the_organisation_s_steps_say() {
        let usual =
            read("", false).map_or_else(|all| panic!("{all:?}"), |spec| spec.steps[0].content.texts.clone());
        let text = "name = \"a\"\n[[steps]]\n[[steps]]\nafter = \"1d\"\ntext = { en = \"Own\" }\n[[steps]]\nafter = \"1d\"\n";
        let all = [usual.clone(), usual.clone()];
        let context = |opt_out_line, default_texts| Context {
            opt_out_line,
            default_texts,
            ..Context::in_zone(chrono_tz::Africa::Douala)
        };
        let findings = CampaignFile::parse(text, "c.toml", &context(false, &all)).err().unwrap_or_default();
        assert_eq!(findings.len(), 1, "there is no third default: {findings:?}");
        assert!(findings[0].sentence.starts_with("steps[2].text is missing"), "{findings:?}");
        let text = text.trim_end_matches("[[steps]]\nafter = \"1d\"\n");
        let spec =
            CampaignFile::parse(text, "c.toml", &context(true, &all)).unwrap_or_else(|all| panic!("{all:?}"));
        let said = |step: usize| spec.steps[step].content.texts.0[0].text.source().to_owned();
        assert_eq!(said(0), "Hi\n\nReply STOP to get no more messages.");
        assert_eq!(said(1), "Own\n\nReply STOP to get no more messages.");
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
