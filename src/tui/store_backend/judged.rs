//! Orders, before they are carried out: what the database cannot judge is judged here, as the command line judges it.

use super::{Inner, unsure};
use crate::domain::action::{Action, NewNumber, Order};
use crate::domain::ids::NumberId;
use crate::domain::phone::Phone;
use crate::domain::text::Safe;
use crate::sender::line::could_send;
use crate::store::StoreError;
use crate::store::account::AccountRecord;
use crate::store::screen::Seat;
use crate::tui::backend::ActionAnswer;

impl Inner {
    /// The order as it may be carried out: what it says of a channel is judged, and its secret sealed; a number could send.
    pub(super) async fn prepared(&self, seat: &Seat, order: Order) -> Result<Order, ActionAnswer> {
        match &order.action {
            Action::AddChannel { .. } | Action::EditChannel { .. } => {
                let organization = seat.organization;
                let prepared = self.desk.prepared(&self.store, organization, seat.rehearsal, order).await;
                return prepared.map_err(ActionAnswer::from);
            }
            Action::AddNumber(number) => self.new_can_send(seat, number).await?,
            Action::SetUpNumber { number, setup } => {
                if let Some(sender_id) = &setup.sender_id {
                    self.can_send_as(seat, *number, sender_id).await?;
                }
            }
            _ => {}
        }
        Ok(order)
    }

    async fn new_can_send(&self, seat: &Seat, number: &NewNumber) -> Result<(), ActionAnswer> {
        let accounts = self.accounts(seat).await?;
        let account = accounts.iter().find(|account| account.id == number.account);
        judged(account, &number.sender_id, &number.phone)
    }

    async fn can_send_as(&self, seat: &Seat, number: NumberId, sender_id: &str) -> Result<(), ActionAnswer> {
        let numbers = self.store.numbers(seat.organization, None).await;
        let numbers = numbers.map_err(|error| untold(&error))?;
        let Some(known) = numbers.iter().find(|known| known.id == number) else { return Ok(()) };
        let Ok(phone) = Phone::parse(&known.phone) else { return Ok(()) };
        let accounts = self.accounts(seat).await?;
        let account = accounts.iter().find(|account| account.name == known.account);
        judged(account, sender_id, &phone)
    }

    async fn accounts(&self, seat: &Seat) -> Result<Vec<AccountRecord>, ActionAnswer> {
        self.store.accounts(seat.organization, None).await.map_err(|error| untold(&error))
    }
}

fn untold(error: &StoreError) -> ActionAnswer {
    ActionAnswer::Failed(unsure(error))
}

/// Whether a number could send through its account at all; what is not there is for the order itself to say.
fn judged(account: Option<&AccountRecord>, sender_id: &str, phone: &Phone) -> Result<(), ActionAnswer> {
    let Some(account) = account else { return Ok(()) };
    let Ok(provider) = account.provider.parse() else { return Ok(()) };
    could_send(provider, account.base_url.as_deref(), &account.external_id, sender_id, phone)
        .map_err(|why| ActionAnswer::Refused(Safe::new(&format!("the number cannot be used: {why}"))))
}
