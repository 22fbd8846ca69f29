//! HTTPClientKit
