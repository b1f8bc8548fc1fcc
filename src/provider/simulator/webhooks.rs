//! Where reports are posted.

use super::world::Sender;
use crate::domain::number::ProviderKind;
use serde::Deserialize;

/// A webhook that somebody registered at a provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// At which provider.
    pub provider: ProviderKind,
    /// Where to.
    pub url: String,
    /// What requests are signed with: Meta's app secret, Twilio's auth token. `UltraMsg` signs nothing.
    #[serde(default, alias = "app_secret", alias = "auth_token")]
    pub secret: String,
    /// For these numbers only: phones or ids at the provider. None: for all that have no webhook of their own.
    #[serde(default)]
    pub numbers: Vec<String>,
    /// The account: WABA id or Account SID.
    #[serde(default)]
    pub account: String,
    /// `host:port` to connect to, where that is not the address's own: what stands behind a proxy there. Plain HTTP is
    /// spoken to it, whatever the address says.
    pub connect: Option<String>,
}

impl Webhook {
    /// Whether it can be used.
    pub fn check(&self) -> Result<(), String> {
        Address::read(&self.url, self.connect.as_deref())
            .map_err(|problem| format!("webhook {:?}: {problem}", self.url))?;
        if self.secret.is_empty() && self.provider != ProviderKind::Ultramsg {
            return Err(format!("webhook {:?}: no secret to sign with", self.url));
        }
        Ok(())
    }

    fn is_for(&self, sender: &Sender) -> bool {
        self.numbers.iter().any(|number| **number == *sender.id || **number == *sender.phone)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Webhooks {
    list: Vec<Webhook>,
}

impl Webhooks {
    /// Whether nobody wants reports.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds one; it replaces the one for the same numbers.
    pub fn add(&mut self, webhook: Webhook) {
        self.list.retain(|known| known.provider != webhook.provider || known.numbers != webhook.numbers);
        self.list.push(webhook);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Where a sender's reports go: to its own webhook, else to its provider's.
    pub fn of(&self, sender: &Sender) -> Option<&Webhook> {
        let mut same = self.list.iter().filter(|webhook| webhook.provider == sender.provider);
        same.clone()
            .find(|webhook| webhook.is_for(sender))
            .or_else(|| same.find(|webhook| webhook.numbers.is_empty()))
    }

    /// All of them, without their secrets.
    pub fn show(&self) -> serde_json::Value {
        let show = |webhook: &Webhook| {
            serde_json::json!({"provider": webhook.provider.name(), "url": webhook.url, "numbers": webhook.numbers,
                "account": webhook.account, "connect": webhook.connect})
        };
        self.list.iter().map(show).collect()
    }
}

/// An address taken apart, byte for byte: signatures are over what stands here, not over what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `host:port` to connect to.
    pub connect: String,
    /// The `Host` header.
    pub host: String,
    /// Path and query.
    pub target: String,
    /// The whole address without its fragment.
    pub signed: String,
    /// What stands behind `#`.
    pub fragment: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is none, or one that plain HTTP does not reach.
    pub fn read(url: &str, connect: Option<&str>) -> Result<Self, &'static str> {
        let (signed, fragment) = url.split_once('#').unwrap_or((url, ""));
        let (scheme, rest) = signed.split_once("://").ok_or("is not an absolute address")?;
        if !["http", "https"].contains(&scheme) {
            return Err("is not an address of HTTP");
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, target) = rest.split_at(end);
        if host.is_empty() || host.contains(['_', '@', ' ']) {
            return Err("has no valid host");
        }
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("holds what no address holds");
        }
        let target = match target.as_bytes().first() {
            Some(b'/') => target.to_owned(),
            _ => format!("/{target}"),
        };
        let connect = match connect {
            Some(connect) => connect.to_owned(),
            None if scheme == "https" => return Err("needs a place to connect to: no TLS is spoken here"),
            None if host.contains(':') => host.to_owned(),
            None => format!("{host}:80"),
        };
        Ok(Self {
            connect,
            host: host.to_owned(),
            target,
            signed: signed.to_owned(),
            fragment: fragment.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_stays_what_it_is() {
        let url = "https://hooks.example.com/webhooks/twilio/a?ref=1%2f&x#rc=5&rp=all";
        let address = Address::read(url, Some("127.0.0.1:80")).unwrap();
        assert_eq!(address.target, "/webhooks/twilio/a?ref=1%2f&x");
        assert_eq!(address.signed, "https://hooks.example.com/webhooks/twilio/a?ref=1%2f&x");
        assert_eq!((address.fragment.as_str(), address.host.as_str()), ("rc=5&rp=all", "hooks.example.com"));
        let bare = Address::read("http://127.0.0.1:8080?a=b", None).unwrap();
        assert_eq!((bare.target.as_str(), bare.connect.as_str()), ("/?a=b", "127.0.0.1:8080"));
        assert_eq!(Address::read("http://localhost", None).unwrap().connect, "localhost:80");
        for bad in ["hooks", "/a", "ftp://a/", "http:///a", "http://a_b/", "http://a/ b", "https://a/"] {
            assert!(Address::read(bad, None).is_err(), "{bad}");
        }
    }
}
