//! Numbers kept with keys: how one stands, and files of them.

use crate::{
    console::{SMALL, Start},
    world::{World, seed::Num, until},
};

#[tokio::test]
async fn a_number_is_set_up_in_its_form_and_taken_back() {
    let world = World::start().await;
    world.number(Num::meta()).await;
    world.execute("update whatsapp_numbers set display_name = 'n1'").await;
    let before: (String, i32, bool) = standing(&world).await;
    let mut console = world.console(Start { arguments: &["--watch"], size: SMALL, ..Start::default() });
    console.shows("[1 Numbers]").await;
    console.shows("n1").await;
    console.keys("e");
    console.shows_line(&["Pools", "[x] default"]).await;
    // Provider's id, the share for replies and the warm-up; the form fits.
    console.keys(&"\t".repeat(10));
    console.keys("\x15771\t\x1525\t\x15now");
    console.shows_line(&["> ", "Warm-up", "[now"]).await;
    console.keys("\x13");
    console.shows_line(&["Id there", "-> 771"]).await;
    console.shows_line(&["For replies", "0 % -> 25 %"]).await;
    console.yes("Change number?").await;
    until("the number stands otherwise", 20, || async { standing(&world).await == ("771".into(), 25, true) })
        .await;
    console.shows("changed n1").await;
    console.keys("u");
    until("it is taken back", 20, || async { standing(&world).await == before }).await;
    console.shows("taken back").await;
    console.leave().await;
    world.end([]).await;
}

async fn standing(world: &World) -> (String, i32, bool) {
    sqlx::query_as("select instance_id, reply_share, warm_up_started_at is not null from whatsapp_numbers")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn numbers_are_written_to_a_file_and_imported_from_one() {
    let world = World::start().await;
    world.number(Num::meta()).await;
    world.execute("update whatsapp_numbers set display_name = 'n1'").await;
    let mut console = world.console(Start { arguments: &["--watch"], size: SMALL, ..Start::default() });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers.csv");
    let name = file.display().to_string();
    console.shows("n1").await;
    console.keys(&format!("w{name}\r"));
    console.shows("1 number written.").await;
    console.keys("\r");
    console.hides("Export numbers").await;
    // A number more, and a name that is otherwise; then one that no account has.
    let text = std::fs::read_to_string(&file).unwrap().replace("n1", "first");
    let columns: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let account = text.lines().nth(1).unwrap().split(',').nth(1).unwrap();
    let line = |account: &str| format!("+237699990001,{account},88{}\n", ",".repeat(columns.len() - 3));
    std::fs::write(&file, format!("{text}{}", line("nobody"))).unwrap();
    console.keys(&format!("i{name}\r"));
    console.shows("1 refusal: nothing was imported.").await;
    console.shows("! line 3, column account: there is no account \"nobody\"").await;
    std::fs::write(&file, format!("{text}{}", line(account))).unwrap();
    console.keys("\r");
    console.shows("2 numbers: 1 new, 1 there already.").await;
    assert_eq!(world.value::<i64>("select count(*) from whatsapp_numbers").await, 1);
    console.keys("\r");
    console.shows("1 added, 1 changed, 0 unchanged.").await;
    console.keys("\r");
    console.shows("first").await;
    assert_eq!(world.value::<i64>("select count(*) from whatsapp_numbers").await, 2);
    console.leave().await;
    world.end([]).await;
}
