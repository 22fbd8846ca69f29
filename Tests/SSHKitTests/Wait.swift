import SSHKit
