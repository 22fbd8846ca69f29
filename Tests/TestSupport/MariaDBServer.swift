import Glibc
public import SQLKit
import Support

/// A real MariaDB server on loopback, with its own data folder. A shell supervises it and reads a
/// pipe that this process holds open, so the server and its folder are removed when this process
/// ends, however it ends.
public final class MariaDBServer: Sendable {
    public let port: Int
    private let folder: String
    private let lifeline: Descriptor
    private let admin: SQLDatabase

    private static let sharedStart = Task { try await start() }
    private static let user = "aibuild"
    public static let password = "wrong-horse-battery"
    private static let startSeconds = 90

    /// What administrators are given; the tests change what costs time or memory.
    private static let settings = DeployFolder.path + "/mariadb/aibuild.cnf"

    /// The server that all tests of this process share; each uses its own database.
    public static func shared() async throws -> MariaDBServer { try await sharedStart.value }

    /// A separate server, for a test that breaks it.
    /// - Parameter options: of the server's command line.
    public static func start(options: [String] = []) async throws -> MariaDBServer {
        let folder = "/tmp/aib-mariadb\(getpid())-\(UInt32.random(in: .min ... .max))"
        // Traversable: as root, the server runs as user mysql.
        try Files.makeFolder(folder, mode: 0o755)
        let port = try freePort()
        // A named pipe, because Glibc's pipe() would leak into a child that another test starts
        // between it and FD_CLOEXEC, and keep the server alive.
        let fifo = folder + "/lifeline"
        guard mkfifo(fifo, 0o600) == 0 else { throw SystemError.last("cannot make \(fifo)") }
        let reader = try Descriptor(fifo, O_RDONLY | O_NONBLOCK)
        let lifeline = try Descriptor(fifo, O_WRONLY)
        guard fcntl(reader.raw, F_SETFL, 0) == 0 else { throw SystemError.last("fcntl") }
        try spawnKeeper(folder: folder, port: port, options: options, input: reader.raw)
        let admin = try await firstAnswer(folder)
        try await admin.execute("CREATE USER '\(user)'@'%' IDENTIFIED BY '\(password)'")
        try await admin.execute("GRANT ALL ON *.* TO '\(user)'@'%'")
        return MariaDBServer(port: port, folder: folder, lifeline: lifeline, admin: admin)
    }

    private init(port: Int, folder: String, lifeline: consuming Descriptor, admin: SQLDatabase) {
        self.port = port
        self.folder = folder
        self.lifeline = lifeline
        self.admin = admin
    }

    /// A new, empty database, and the user to connect as.
    public func makeDatabase() async throws -> MariaDBEndpoint {
        let name = "test_\(UInt64.random(in: .min ... .max))"
        try await admin.execute("CREATE DATABASE \(name) CHARACTER SET utf8mb4")
        return MariaDBEndpoint(
            port: port, user: Self.user, password: Self.password, database: name)
    }

    /// Statements of the server's root: KILL, SET GLOBAL …
    public func asRoot(_ sql: String, _ values: [SQLValue] = []) async throws -> [SQLRow] {
        try await admin.query(sql, values)
    }

    /// Kills the server as a power cut would and waits until it is back.
    public func crashAndRestart() async throws {
        let pid = try pid()
        try Files.remove(folder + "/pid")
        try Files.replace(folder + "/again", with: [])
        kill(pid, SIGKILL)
        _ = try await Self.firstAnswer(folder)
    }

    /// Restarts the server as one that says it is of another version; `nil`: of its own.
    public func restart(asVersion version: String?) async throws {
        if let version {
            try Files.replace(folder + "/version", with: Array(version.utf8))
        } else {
            try Files.remove(folder + "/version")
        }
        let pid = try pid()
        try Files.remove(folder + "/pid")
        try Files.replace(folder + "/again", with: [])
        kill(pid, SIGKILL)
        do { _ = try await Self.firstAnswer(folder) } catch let error as SQLError {
            guard error.code == .unsupported else { throw error }
        }
    }

    /// Suspends the server, as if its machine hung.
    public func freeze() throws { kill(try pid(), SIGSTOP) }

    public func thaw() throws { kill(try pid(), SIGCONT) }

    private func pid() throws -> Int32 {
        let path = folder + "/pid"
        let text = String(decoding: try Files.read(path, limitBytes: 64), as: UTF8.self)
        guard let pid = Int32(text.filter(\.isNumber)) else { throw Failure("no pid in \(path)") }
        return pid
    }

    /// Waits until the server answers on its socket.
    private static func firstAnswer(_ folder: String) async throws -> SQLDatabase {
        let root = MariaDBEndpoint(
            socket: folder + "/socket", user: "root", password: "", database: "mysql")
        let deadline = Clocks.monotonicMilliseconds() + Int64(startSeconds * 1000)
        while true {
            do {
                // The old server's file may still be there, so the pid file decides.
                guard Files.exists(folder + "/pid") else { throw Failure("no pid file yet") }
                return try await SQLDatabase.open(.mariadb(root))
            } catch let error as SQLError where error.code == .unsupported {
                throw error
            } catch {
                if Files.exists(folder + "/dead") || Clocks.monotonicMilliseconds() > deadline {
                    throw Failure("MariaDB did not start: \(error)\n\(words(folder))")
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private static func words(_ folder: String) -> String {
        ["install.log", "error.log"].map { name in
            let bytes = (try? Files.read("\(folder)/\(name)", limitBytes: 1 << 20)) ?? []
            return "\(name): " + String(decoding: bytes.suffix(2000), as: UTF8.self)
        }.joined(separator: "\n")
    }

    /// What the server writes reaches the kernel but not the disk: the tests crash the server, not
    /// the machine, and hundreds of changed tables wait for a disk that others are writing to. Each
    /// server has a folder for temporary files: one that starts removes those of any other there.
    private static let script = """
        dir=$1 port=$2 settings=$3 pid=
        shift 3
        export PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR="$dir/tmp"
        exec 3<&0 </dev/null
        trap 'test -z "$pid" || kill $pid; wait $pid; rm -rf "$dir"; exit 0' TERM
        (read -r _ <&3; kill $$) &
        # The logs stay until whoever waits has read them and lets go of the pipe.
        fail() { touch "$dir/dead"; pid=; wait; exit 1; }

        user=$(id -un)
        test "$user" != root || user=mysql
        mkdir "$dir/tmp" && chown "$user": "$dir" "$dir/tmp" || fail
        mariadb-install-db --no-defaults --user="$user" --datadir="$dir/data" \\
            --auth-root-authentication-method=normal --skip-test-db \\
            --innodb-log-file-size=16M >"$dir/install.log" 2>&1 3<&- || fail
        while :; do
            rm -f "$dir/again"
            version=
            test ! -e "$dir/version" || version="--version=$(cat "$dir/version")"
            mariadbd --defaults-file="$settings" $version --user="$user" --datadir="$dir/data" \\
                --socket="$dir/socket" --port="$port" --bind-address=127.0.0.1 \\
                --pid-file="$dir/pid" --log-error="$dir/error.log" --innodb-buffer-pool-size=32M \\
                --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=2 \\
                --innodb-flush-method=nosync --sync-frm=OFF \\
                --key-buffer-size=1M --max-connections=500 --performance-schema=OFF \\
                --skip-name-resolve --character-set-server=utf8mb4 "$@" \\
                >>"$dir/install.log" 2>&1 3<&- &
            pid=$!
            wait $pid
            test -e "$dir/again" || fail
        done
        """

    private static func spawnKeeper(
        folder: String, port: Int, options: [String], input: Int32
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Its own process group, so that Ctrl-C ends this process first and the pipe does the rest.
        posix_spawnattr_setpgroup(&attributes, 0)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        // No environment: the script sets what it needs.
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        let words =
            ["/bin/sh", "-c", script, "mariadb-keeper", folder, String(port), settings] + options
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, "/bin/sh", &actions, &attributes, &arguments, &environment)
        guard code == 0 else { throw SystemError(errno: code, "cannot start /bin/sh") }
    }

    /// A free port below 32768, where the kernel assigns none by itself.
    private static func freePort() throws -> Int {
        for _ in 0..<100 {
            let port = Int.random(in: 20_000..<32_000)
            let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard socket >= 0 else { throw SystemError.last("cannot make a socket") }
            defer { close(socket) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(UInt16(port)).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            let code = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if code == 0 { return port }
        }
        throw Failure("no free port found on loopback")
    }
}
