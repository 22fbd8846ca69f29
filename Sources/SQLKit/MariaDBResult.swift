import CMariaDB

/// The answer of an executed statement, row by row. Integers and floating-point numbers come
/// binary; everything else as bytes, long ones in a second step with exactly their length.
final class MariaDBResult {
    enum Fetch {
        case row([SQLValue])
        case end
        case failed
    }

    private enum Kind { case int, unsigned, double, decimal, text, blob }

    /// Bytes of a value that are fetched with its row; names, ids and times fit.
    private static let inlineBytes = 128
    /// MySQL's number for the character set of binary data.
    private static let binaryCharset: UInt32 = 63

    let columns: SQLColumns
    private let kinds: [Kind]
    private let statement: UnsafeMutablePointer<MYSQL_STMT>
    private let arena: BindArena
    private let lengths: UnsafeMutablePointer<UInt>
    private let nulls: UnsafeMutablePointer<my_bool>

    /// `nil` if the statement returns no rows.
    init?(_ statement: UnsafeMutablePointer<MYSQL_STMT>) {
        guard let metadata = mysql_stmt_result_metadata(statement) else { return nil }
        defer { mysql_free_result(metadata) }
        let count = Int(mysql_num_fields(metadata))
        let fields = UnsafeBufferPointer(start: mysql_fetch_fields(metadata), count: count)
        self.statement = statement
        columns = SQLColumns(fields.map { String(cString: $0.name) })
        kinds = fields.map(Self.kind)
        arena = BindArena(count)
        lengths = arena.allocate(count * MemoryLayout<UInt>.stride)
            .bindMemory(to: UInt.self, capacity: max(1, count))
        nulls = arena.allocate(count).bindMemory(to: my_bool.self, capacity: max(1, count))
    }

    private static func kind(_ field: MYSQL_FIELD) -> Kind {
        switch field.type {
        case MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_INT24, MYSQL_TYPE_LONG,
            MYSQL_TYPE_YEAR:
            return .int
        case MYSQL_TYPE_LONGLONG:
            return field.flags & UInt32(UNSIGNED_FLAG) != 0 ? .unsigned : .int
        case MYSQL_TYPE_FLOAT, MYSQL_TYPE_DOUBLE: return .double
        case MYSQL_TYPE_DECIMAL, MYSQL_TYPE_NEWDECIMAL: return .decimal
        case MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_BLOB,
            MYSQL_TYPE_VAR_STRING, MYSQL_TYPE_STRING, MYSQL_TYPE_VARCHAR:
            return field.charsetnr == binaryCharset ? .blob : .text
        case MYSQL_TYPE_BIT, MYSQL_TYPE_GEOMETRY: return .blob
        // Dates and times, which the library prints as texts.
        default: return .text
        }
    }

    func bind() -> Bool {
        for (index, kind) in kinds.enumerated() {
            arena.binds[index].length = lengths + index
            arena.binds[index].is_null = nulls + index
            switch kind {
            case .int, .unsigned:
                arena.binds[index].buffer_type = MYSQL_TYPE_LONGLONG
                arena.binds[index].buffer = arena.allocate(8)
                arena.binds[index].is_unsigned = kind == .unsigned ? 1 : 0
            case .double:
                arena.binds[index].buffer_type = MYSQL_TYPE_DOUBLE
                arena.binds[index].buffer = arena.allocate(8)
            case .decimal, .text, .blob:
                arena.binds[index].buffer_type =
                    kind == .blob ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING
                arena.binds[index].buffer = arena.allocate(Self.inlineBytes)
                arena.binds[index].buffer_length = UInt(Self.inlineBytes)
            }
        }
        return mysql_stmt_bind_result(statement, arena.binds) == 0
    }

    func fetch() -> Fetch {
        switch mysql_stmt_fetch(statement) {
        case 0, MYSQL_DATA_TRUNCATED: break
        case MYSQL_NO_DATA: return .end
        default: return .failed
        }
        var values: [SQLValue] = []
        values.reserveCapacity(kinds.count)
        for index in kinds.indices {
            guard let value = value(at: index) else { return .failed }
            values.append(value)
        }
        return .row(values)
    }

    private func value(at index: Int) -> SQLValue? {
        guard nulls[index] == 0 else { return .null }
        guard let buffer = arena.binds[index].buffer else { return nil }
        switch kinds[index] {
        case .int: return .int(buffer.load(as: Int64.self))
        case .unsigned:
            let number = buffer.load(as: UInt64.self)
            return Int64(exactly: number).map(SQLValue.int) ?? .text(String(number))
        case .double: return .double(buffer.load(as: Double.self))
        case .text:
            return bytes(at: index, buffer).map { .text(String(decoding: $0, as: UTF8.self)) }
        case .blob: return bytes(at: index, buffer).map(SQLValue.blob)
        case .decimal:
            // SUM of integers is a DECIMAL here and an integer in SQLite.
            guard let bytes = bytes(at: index, buffer) else { return nil }
            let text = String(decoding: bytes, as: UTF8.self)
            return Int64(text).map(SQLValue.int) ?? Double(text).map(SQLValue.double)
        }
    }

    private func bytes(at index: Int, _ inline: UnsafeMutableRawPointer) -> [UInt8]? {
        let length = Int(lengths[index])
        if length <= Self.inlineBytes {
            return Array(UnsafeRawBufferPointer(start: inline, count: length))
        }
        var rest = MYSQL_BIND()
        rest.buffer_type = arena.binds[index].buffer_type
        var isComplete = false
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { memory, initialized in
            rest.buffer = UnsafeMutableRawPointer(memory.baseAddress)
            rest.buffer_length = UInt(length)
            isComplete = mysql_stmt_fetch_column(statement, &rest, UInt32(index), 0) == 0
            initialized = isComplete ? length : 0
        }
        return isComplete ? bytes : nil
    }
}
