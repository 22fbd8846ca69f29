//! SSHKit
