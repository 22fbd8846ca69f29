//! YAMLKit
