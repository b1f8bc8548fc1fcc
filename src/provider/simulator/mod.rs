//! The simulated providers.
