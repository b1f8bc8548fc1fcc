//! The operations of the API, a line of the table each.

use super::operations::{
    Does::{self, Command, OfAttempt, OfNumber, OfThread},
    Field, Operation,
    Place::{self, Body, Query},
    To::{self, Flag, Nowhere, Position, Switch},
    Type,
};
use crate::{cli::reply::Only, domain::right::Right, inbound::api::Takes};

pub(super) const fn field(
    name: &'static str,
    place: Place,
    to: To,
    kind: Type,
    about: &'static str,
) -> Field {
    Field { name, place, to, kind, needed: false, about }
}

pub(super) const fn needed(
    name: &'static str,
    place: Place,
    to: To,
    kind: Type,
    about: &'static str,
) -> Field {
    Field { name, place, to, kind, needed: true, about }
}

const NAME: Field = needed("name", Place::Path, To::Position, Type::Text, "the campaign's name");
const NUMBER: Field = needed("id", Place::Path, To::Nowhere, Type::Id, "the number's id");
const THREAD: Field = needed("id", Place::Path, To::Position, Type::Id, "the thread's id");
const ATTEMPT: Field = needed("id", Place::Path, To::Position, Type::Id, "the attempt's id");
pub(super) const REASON: Field =
    field("reason", Place::Body, To::Flag("--reason"), Type::Text, "why, for the audit log");
const WHY: Field = needed("reason", Place::Body, To::Flag("--reason"), Type::Text, "why, for the audit log");
pub(super) const PERSON: Field = needed("phone", Place::Body, To::Position, Type::Phone, "whose");
pub(super) const AFTER: Field =
    field("after", Place::Query, To::Nowhere, Type::Id, "next of the page before; without it the first page");
pub(super) const LIMIT: Field =
    field("limit", Place::Query, To::Nowhere, Type::Whole, "at most so many, 1 to 1000; else 100");

/// The words of attempt states.
const STATES: &[&str] = &["sending", "accepted", "rejected", "not_sent", "in_doubt", "waived", "undelivered"];

/// A reading operation.
pub(super) const fn read(
    id: &'static str,
    path: &'static str,
    about: &'static str,
    does: Does,
    fields: &'static [Field],
    answer: &'static str,
) -> Operation {
    Operation {
        id,
        method: "GET",
        path,
        about,
        right: Right::Sees,
        does,
        fields,
        takes: Takes::Nothing,
        answer,
        creates: false,
    }
}

/// An operation that changes something, by what stands in its body.
pub(super) const fn change(
    id: &'static str,
    path: &'static str,
    about: &'static str,
    does: Does,
    fields: &'static [Field],
    answer: &'static str,
) -> Operation {
    Operation {
        id,
        method: "POST",
        path,
        about,
        right: Right::Runs,
        does,
        fields,
        takes: Takes::Json,
        answer,
        creates: false,
    }
}

/// Campaigns.
pub const CAMPAIGNS: &[Operation] = &[
    read(
        "listCampaigns",
        "/v1/campaigns",
        "All campaigns: running ones first, then the latest",
        Command(&["campaign", "list"]),
        &[],
        "Campaign[]",
    ),
    Operation {
        takes: Takes::Campaign,
        creates: true,
        ..change(
            "createCampaign",
            "/v1/campaigns",
            "Makes a campaign from a campaign file, as TOML or the same as JSON, and enrols its audience",
            Does::CreateCampaign,
            &[],
            "CampaignMade",
        )
    },
    Operation {
        takes: Takes::Campaign,
        right: Right::Sees,
        ..change(
            "estimateCampaignFile",
            "/v1/campaigns/estimate",
            "How many people a campaign file would enrol, and why the others would get nothing; writes nothing",
            Does::EstimateFile,
            &[],
            "Estimate",
        )
    },
    read(
        "getCampaign",
        "/v1/campaigns/{name}",
        "A campaign",
        Command(&["campaign", "show"]),
        &[NAME],
        "CampaignDetail",
    ),
    read(
        "estimateCampaign",
        "/v1/campaigns/{name}/estimate",
        "How many people a campaign would enrol now, and why the others would get nothing",
        Does::EstimateCampaign,
        &[NAME],
        "Estimate",
    ),
    read(
        "getCampaignStats",
        "/v1/campaigns/{name}/stats",
        "A campaign's figures",
        Command(&["campaign", "stats"]),
        &[NAME],
        "CampaignStats",
    ),
    read(
        "explainCampaign",
        "/v1/campaigns/{name}/why",
        "Why it sends nothing now, gate by gate, and until when",
        Command(&["campaign", "why"]),
        &[NAME],
        "CampaignWhy",
    ),
    read(
        "forecastCampaign",
        "/v1/campaigns/{name}/forecast",
        "When it will be done, day by day",
        Command(&["campaign", "forecast"]),
        &[NAME, field("days", Query, Flag("--days"), Type::Whole, "how many days to look ahead")],
        "Forecast",
    ),
    read(
        "listRecipients",
        "/v1/campaigns/{name}/recipients",
        "The people of a campaign in the order of their enrolment, page by page",
        Does::Recipients,
        &[NAME, AFTER, LIMIT],
        "RecipientPage",
    ),
    change(
        "startCampaign",
        "/v1/campaigns/{name}/start",
        "Starts a draft or scheduled campaign now",
        Command(&["campaign", "start"]),
        &[NAME, REASON],
        "Result",
    ),
    change(
        "scheduleCampaign",
        "/v1/campaigns/{name}/schedule",
        "Lets a draft or scheduled campaign start by itself",
        Command(&["campaign", "schedule"]),
        &[NAME, needed("at", Body, Flag("--at"), Type::Time, "when it starts"), REASON],
        "Result",
    ),
    change(
        "pauseCampaign",
        "/v1/campaigns/{name}/pause",
        "Nothing new of it is sent; what is on the wire ends",
        Command(&["campaign", "pause"]),
        &[NAME, REASON],
        "Result",
    ),
    change(
        "resumeCampaign",
        "/v1/campaigns/{name}/resume",
        "Goes on after a pause",
        Command(&["campaign", "resume"]),
        &[NAME, REASON],
        "Result",
    ),
    change(
        "cancelCampaign",
        "/v1/campaigns/{name}/cancel",
        "Ends it for good; who waits is skipped",
        Command(&["campaign", "cancel"]),
        &[NAME, REASON],
        "Result",
    ),
];

/// What of a number can be set from the beginning and later.
const LIMIT_A_DAY: Field = field(
    "daily_limit",
    Body,
    Flag("--daily-limit"),
    Type::WholeOrNone,
    "most messages a day; null for no limit",
);
const PRIORITY: Field = field(
    "priority",
    Body,
    Flag("--priority"),
    Type::Whole,
    "its place in the order, 0 to 9999; lower goes first",
);
const CALLED: Field = field("name", Body, Flag("--name"), Type::Text, "what operators call it");
const SENDER_ID: Field =
    field("instance_id", Body, Flag("--instance-id"), Type::Text, "the provider's id of it");
const INTERVAL: Field =
    field("interval", Body, Flag("--interval"), Type::Number, "least time between two messages, in seconds");
const PER_SECOND: Field = field(
    "per_second",
    Body,
    Flag("--per-second"),
    Type::Whole,
    "most messages in one second; 0 for no limit of its own",
);
const IN_FLIGHT: Field =
    field("in_flight", Body, Flag("--in-flight"), Type::Whole, "most requests on the wire at once");
const WARM_UP: Field =
    field("warm_up", Body, Flag("--warm-up"), Type::Text, "when its warm-up begins: now, off or a time");

/// Numbers.
pub const NUMBERS: &[Operation] = &[
    read(
        "listNumbers",
        "/v1/numbers",
        "All numbers by priority",
        Command(&["number", "list"]),
        &[],
        "Number[]",
    ),
    Operation {
        creates: true,
        ..change(
            "addNumber",
            "/v1/numbers",
            "Adds a number to an account that is there",
            Command(&["number", "add"]),
            &[
                needed("phone", Body, Position, Type::Phone, "its phone"),
                needed("account", Body, Flag("--account"), Type::Text, "the account that owns it"),
                SENDER_ID,
                CALLED,
                PRIORITY,
                LIMIT_A_DAY,
                INTERVAL,
                PER_SECOND,
                IN_FLIGHT,
                WARM_UP,
                field(
                    "pool",
                    Body,
                    Flag("--pool"),
                    Type::Text,
                    "the pool that it joins, made where there is none",
                ),
            ],
            "NumberAdded",
        )
    },
    read("getNumber", "/v1/numbers/{id}", "A number", OfNumber(&["number", "show"]), &[NUMBER], "Number"),
    Operation {
        method: "PATCH",
        ..change(
            "editNumber",
            "/v1/numbers/{id}",
            "Changes what is named of a number",
            OfNumber(&["number", "edit"]),
            &[
                NUMBER,
                CALLED,
                field("notes", Body, Flag("--notes"), Type::Text, "notes for the next operator"),
                SENDER_ID,
                PRIORITY,
                LIMIT_A_DAY,
                INTERVAL,
                PER_SECOND,
                IN_FLIGHT,
                WARM_UP,
                field(
                    "reply_share",
                    Body,
                    Flag("--reply-share"),
                    Type::Whole,
                    "percent that only replies may use",
                ),
                field("label", Body, Flag("--label"), Type::TextOrNone, "what a campaign may switch within"),
                field(
                    "queue",
                    Body,
                    Flag("--queue"),
                    Type::Whole,
                    "most messages in its gateway's own queue",
                ),
                field(
                    "monthly_cost",
                    Body,
                    Flag("--monthly-cost"),
                    Type::TextOrNone,
                    "what it costs a month, 12.50",
                ),
                field("currency", Body, Flag("--currency"), Type::Text, "in this currency"),
                REASON,
            ],
            "Result",
        )
    },
    change(
        "suspendNumber",
        "/v1/numbers/{id}/suspend",
        "Takes a number out of service; what waits for it moves to the next ones",
        OfNumber(&["number", "suspend"]),
        &[NUMBER, WHY, field("until", Body, Flag("--until"), Type::Time, "when that ends by itself")],
        "Result",
    ),
    change(
        "resumeNumber",
        "/v1/numbers/{id}/resume",
        "Puts a suspended, resting or slowed number back into service",
        OfNumber(&["number", "resume"]),
        &[NUMBER, field("test", Body, Switch("--test"), Type::Flag, "ask its provider first"), REASON],
        "Result",
    ),
    change(
        "enableNumber",
        "/v1/numbers/{id}/enable",
        "Lets a disabled number take part again",
        OfNumber(&["number", "enable"]),
        &[NUMBER, REASON],
        "Result",
    ),
    change(
        "disableNumber",
        "/v1/numbers/{id}/disable",
        "Switches a number off until it is enabled",
        OfNumber(&["number", "disable"]),
        &[NUMBER, REASON],
        "Result",
    ),
    change(
        "testNumber",
        "/v1/numbers/{id}/test",
        "Sends nothing, and says whether the provider would take a message",
        OfNumber(&["number", "test"]),
        &[NUMBER],
        "NumberTest",
    ),
    Operation {
        method: "PUT",
        ..change(
            "setNumberPriority",
            "/v1/numbers/{id}/priority",
            "Sets a number's place in the order",
            OfNumber(&["number", "priority"]),
            &[NUMBER, needed("priority", Body, Position, Type::Whole, "0 to 9999; lower goes first"), REASON],
            "Result",
        )
    },
];

/// Contacts.
pub const CONTACTS: &[Operation] = &[
    Operation {
        takes: Takes::Csv,
        creates: true,
        ..change(
            "importContacts",
            "/v1/contacts/import",
            "Imports contacts from CSV with a header: the whole file or nothing; known people are updated, never doubled",
            Does::Import,
            &[
                field(
                    "default_country",
                    Query,
                    Nowhere,
                    Type::Text,
                    "the country of phones without country code",
                ),
                field(
                    "consent_method",
                    Query,
                    Nowhere,
                    Type::Text,
                    "how those agreed whose consent column says yes; import unless given",
                ),
                field(
                    "consent_at",
                    Query,
                    Nowhere,
                    Type::Text,
                    "when they agreed: a day such as 2026-12-01, or a time; when they are imported unless given",
                ),
            ],
            "Imported",
        )
    },
    change(
        "optOut",
        "/v1/contacts/opt-out",
        "Nothing more is sent to this person, in any campaign",
        Command(&["contact", "opt-out"]),
        &[PERSON, REASON],
        "Result",
    ),
    change(
        "optIn",
        "/v1/contacts/opt-in",
        "The person may be written to again",
        Command(&["contact", "opt-in"]),
        &[PERSON, REASON],
        "Result",
    ),
    Operation {
        right: Right::Sees,
        ..change(
            "getContactHistory",
            "/v1/contacts/history",
            "Every campaign that a person is or was in; a POST, so that the phone stands in no address",
            Command(&["contact", "history"]),
            &[PERSON],
            "Enrolled[]",
        )
    },
];

/// Attempts and conversations.
pub const MESSAGES: &[Operation] = &[
    read(
        "listAttempts",
        "/v1/attempts",
        "Attempts, the latest first, page by page. A page may hold fewer than asked for, even none: go on until next is null",
        Does::Attempts,
        &[
            field("campaign", Query, Nowhere, Type::Text, "only of this campaign, by its name"),
            field("number", Query, Nowhere, Type::Id, "only through this number"),
            field("recipient", Query, Nowhere, Type::Id, "only for this recipient"),
            field("state", Query, Nowhere, Type::Word(STATES), "only in this state"),
            AFTER,
            LIMIT,
        ],
        "AttemptPage",
    ),
    read(
        "getAttempt",
        "/v1/attempts/{id}",
        "An attempt",
        Command(&["attempt", "show"]),
        &[ATTEMPT],
        "Attempt",
    ),
    change(
        "resolveAttempt",
        "/v1/attempts/{id}/resolve",
        "Settles an attempt in doubt by an operator's word",
        OfAttempt(&["attempt", "resolve"]),
        &[
            ATTEMPT,
            needed(
                "as",
                Body,
                Flag("--as"),
                Type::Word(&["sent", "not-sent", "resend"]),
                "what became of it",
            ),
            REASON,
        ],
        "Result",
    ),
    read(
        "listConversations",
        "/v1/conversations",
        "Threads with people, the newest first, page by page. What moves to the front while they are read is found from the front",
        Does::Conversations,
        &[
            field("only", Query, Nowhere, Type::Word(Only::WORDS), "which; else the open ones"),
            field("of", Query, Nowhere, Type::Text, "only open ones that were handed to this operator"),
            field("after", Query, Nowhere, Type::Text, "next of the page before; without it the first page"),
            LIMIT,
        ],
        "ConversationPage",
    ),
    read(
        "getConversation",
        "/v1/conversations/{id}",
        "A thread with its messages",
        Command(&["reply", "show"]),
        &[THREAD],
        "ConversationDetail",
    ),
    Operation {
        creates: true,
        ..change(
            "answerConversation",
            "/v1/conversations/{id}/answer",
            "Answers: one message to one person, sent by whichever sender holds the number",
            OfThread(&["reply", "send"]),
            &[THREAD, needed("text", Body, Flag("--text"), Type::Text, "what it says")],
            "Result",
        )
    },
    change(
        "assignConversation",
        "/v1/conversations/{id}/assign",
        "Hands a thread to an operator",
        OfThread(&["reply", "assign"]),
        &[THREAD, needed("to", Body, Flag("--to"), Type::TextOrNone, "to whom; null for nobody"), REASON],
        "Result",
    ),
    change(
        "closeConversation",
        "/v1/conversations/{id}/close",
        "Ends a thread; it comes back when the person writes again",
        OfThread(&["reply", "close"]),
        &[THREAD, REASON],
        "Result",
    ),
];
