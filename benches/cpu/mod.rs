//! What a benchmark costs in processor time: its own process, the one that answers it, and every Postgres.

use std::io;

/// Seconds of processor time.
pub struct Cpu {
    pub own: f64,
    /// Of the process that answers.
    pub other: f64,
    pub postgres: f64,
}

impl Cpu {
    pub fn now(other: u32) -> io::Result<Self> {
        let mut postgres = 0.0;
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let Ok(name) = std::fs::read_to_string(path.join("comm")) else { continue };
            if name.trim() == "postgres" {
                postgres += seconds(&path.join("stat")).unwrap_or(0.0);
            }
        }
        Ok(Self {
            own: seconds("/proc/self/stat".as_ref())?,
            other: seconds(format!("/proc/{other}/stat").as_ref())?,
            postgres,
        })
    }

    pub fn since(&self, before: &Self) -> Self {
        Self {
            own: self.own - before.own,
            other: self.other - before.other,
            postgres: self.postgres - before.postgres,
        }
    }
}

/// User and system time of a process, in seconds (`proc(5)`: fields 14 and 15, in ticks of 10 ms).
fn seconds(stat: &std::path::Path) -> io::Result<f64> {
    let text = std::fs::read_to_string(stat)?;
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<u32> = after_name.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    let (Some(user), Some(system)) = (fields.get(11), fields.get(12)) else {
        return Err(io::Error::other(format!("{} is not as proc(5) says", stat.display())));
    };
    Ok(f64::from(user + system) / 100.0)
}
