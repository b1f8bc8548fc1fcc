//! signalbox: the control room for WhatsApp campaigns.

pub mod domain;
<<<<<<< HEAD
pub mod postgres;
pub mod store;
=======
pub mod provider;
>>>>>>> prov
