//! `signalbox number qr` and `pool qr`: where people begin to talk to us, as a QR code.

use super::{CliError, Session, number, parse, pool, session::Org};
use crate::{
    domain::{
        entry_point::{Code, link},
        phone::Phone,
        pool::{Door, entry},
    },
    store::number::NumberRecord,
};
use clap::Args;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Pixels of a module: a code of 33 modules is then 328 wide, enough for a screen and a leaflet.
const SCALE: usize = 8;

/// What stands in the code, and where it goes.
#[derive(Debug, Args)]
pub struct Picture {
    /// What the person's message begins with
    #[arg(long, value_name = "TEXT", default_value = "")]
    text: String,
    /// Write a PNG picture instead
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Write an SVG picture instead
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// A number's code.
#[derive(Debug, Args)]
pub struct NumberArgs {
    /// Which one
    #[arg(value_parser = parse::phone)]
    phone: Phone,
    /// The picture
    #[command(flatten)]
    picture: Picture,
}

/// A pool's code.
#[derive(Debug, Args)]
pub struct PoolArgs {
    /// Which one
    name: String,
    /// The picture
    #[command(flatten)]
    picture: Picture,
}

/// The code of one number, whatever its state.
pub async fn of_number(session: &Session, org: &Org, args: &NumberArgs) -> Result<(), CliError> {
    let number = number::find(session, org, &args.phone).await?;
    if matches!(number.state.as_str(), "suspended" | "disabled") {
        session.out.note(&format!("{} is {}: who scans this may get no answer", number.phone, number.state));
    }
    show(session, &number, &args.picture)
}

/// The code of the number that is first in the pool now; of the organisation's default number while none there is in service.
pub async fn of_pool(session: &Session, org: &Org, args: &PoolArgs) -> Result<(), CliError> {
    let pool = pool::find(session, org, &args.name).await?;
    let numbers = session.store.numbers(org.id, None).await?;
    let members = numbers.iter().filter(|number| pool.numbers.contains(&number.phone));
    let members: Vec<Door> = members.map(door).collect();
    let is_default = |number: &&NumberRecord| org.record.default_number.as_deref() == Some(&number.phone);
    let default = numbers.iter().find(is_default).map(door);
    let chosen = entry(&members, default).ok_or_else(|| {
        CliError::Refused(format!(
            "no number of pool {} is in service, and the organisation has no default number that is; signalbox number list shows why",
            pool.name
        ))
    })?;
    let number = numbers.iter().find(|number| number.id == chosen);
    let number = number.ok_or_else(|| CliError::failed("the number is gone meanwhile; try again"))?;
    show(session, number, &args.picture)
}

/// Whoever writes to a number that only rests is still heard: suspended and disabled ones are passed by.
fn door(number: &NumberRecord) -> Door {
    let out = matches!(number.state.as_str(), "suspended" | "disabled");
    Door { number: number.id, priority: number.priority, in_service: !out }
}

fn show(session: &Session, number: &NumberRecord, picture: &Picture) -> Result<(), CliError> {
    let phone = Phone::parse(&number.phone)
        .map_err(|error| CliError::because(format!("failed to read {}", number.phone), error))?;
    let link = link(&phone, &picture.text);
    let code = Code::of(&link).map_err(|error| CliError::Usage(error.to_string()))?;
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes)
            .map_err(|error| CliError::because(format!("failed to write {}", path.display()), error))
    };
    if let Some(path) = &picture.png {
        write(path, &png(&code)?)?;
    }
    if let Some(path) = &picture.svg {
        write(path, code.svg().as_bytes())?;
    }
    let document = json!({ "phone": number.phone, "link": link, "png": picture.png, "svg": picture.svg });
    session.out.show(&document, || {
        let files: Vec<String> = [&picture.png, &picture.svg]
            .into_iter()
            .flatten()
            .map(|path| format!("wrote {}", path.display()))
            .collect();
        if files.is_empty() {
            format!("{}\n{link}", code.lines().join("\n"))
        } else {
            format!("{}\n{link}", files.join("\n"))
        }
    })
}

/// One bit a pixel, light ones set.
fn png(code: &Code) -> Result<Vec<u8>, CliError> {
    let failed = |error| CliError::because("failed to make the picture", error);
    let (side, pixels) = code.pixels(SCALE);
    let packed: Vec<u8> = pixels
        .chunks(side)
        .flat_map(|row| {
            row.chunks(8).map(|eight| {
                let bits = eight.iter().enumerate().map(|(nth, light)| u8::from(*light) << (7 - nth));
                bits.fold(0, |byte, bit| byte | bit)
            })
        })
        .collect();
    let mut bytes = Vec::new();
    let edge = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut bytes, edge, edge);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&packed).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}
