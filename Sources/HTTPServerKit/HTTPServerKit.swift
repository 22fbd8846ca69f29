//! HTTPServerKit
