import CMariaDB

/// A prepared statement of one connection.
final class MariaDBStatement {
    let raw: UnsafeMutablePointer<MYSQL_STMT>

    init?(_ handle: UnsafeMutablePointer<MYSQL>) {
        guard let raw = mysql_stmt_init(handle) else { return nil }
        self.raw = raw
    }

    deinit { mysql_stmt_close(raw) }

    func prepare(_ sql: String) -> Bool {
        mysql_stmt_prepare(raw, sql, UInt(sql.utf8.count)) == 0
    }

    var parameterCount: Int { Int(mysql_stmt_param_count(raw)) }

    func execute(_ values: [SQLValue]) -> Bool {
        // libmariadb reads the values while it executes, so the arena lives until then.
        let arena = BindArena(values.count)
        for (index, value) in values.enumerated() { arena.set(value, at: index) }
        return withExtendedLifetime(arena) {
            if !values.isEmpty && mysql_stmt_bind_param(raw, arena.binds) != 0 { return false }
            return mysql_stmt_execute(raw) == 0
        }
    }

    /// Discards the rest of the answer, so that the connection is free for the next one.
    func freeResult() { mysql_stmt_free_result(raw) }
}

/// MYSQL_BIND structures and the memory that they point to, freed together.
final class BindArena {
    let binds: UnsafeMutablePointer<MYSQL_BIND>
    private let count: Int
    private var blocks: [UnsafeMutableRawPointer] = []

    init(_ count: Int) {
        self.count = count
        binds = .allocate(capacity: max(1, count))
        binds.initialize(repeating: MYSQL_BIND(), count: max(1, count))
    }

    deinit {
        for block in blocks { block.deallocate() }
        binds.deallocate()
    }

    /// Zeroed memory that lives as long as the arena.
    func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let block = UnsafeMutableRawPointer.allocate(byteCount: max(1, byteCount), alignment: 16)
        block.initializeMemory(as: UInt8.self, repeating: 0, count: max(1, byteCount))
        blocks.append(block)
        return block
    }

    func set(_ value: SQLValue, at index: Int) {
        switch value {
        case .null: binds[index].buffer_type = MYSQL_TYPE_NULL
        case .int(let number): set(number, MYSQL_TYPE_LONGLONG, at: index)
        case .double(let number): set(number, MYSQL_TYPE_DOUBLE, at: index)
        case .text(var text):
            text.withUTF8 { set(UnsafeRawBufferPointer($0), MYSQL_TYPE_STRING, at: index) }
        case .blob(let bytes):
            bytes.withUnsafeBytes { set($0, MYSQL_TYPE_BLOB, at: index) }
        }
    }

    private func set<N: BitwiseCopyable>(_ number: N, _ type: enum_field_types, at index: Int) {
        let block = allocate(MemoryLayout<N>.size)
        block.storeBytes(of: number, as: N.self)
        binds[index].buffer_type = type
        binds[index].buffer = block
    }

    private func set(_ bytes: UnsafeRawBufferPointer, _ type: enum_field_types, at index: Int) {
        let block = allocate(bytes.count)
        UnsafeMutableRawBufferPointer(start: block, count: bytes.count).copyMemory(from: bytes)
        binds[index].buffer_type = type
        binds[index].buffer = block
        binds[index].buffer_length = UInt(bytes.count)
    }
}
