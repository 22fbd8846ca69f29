//! HTTPTypes
