import CSQLite

/// A compiled statement of one connection.
final class SQLiteStatement {
    let raw: OpaquePointer

    init(_ raw: OpaquePointer) { self.raw = raw }

    deinit { sqlite3_finalize(raw) }

    /// Ends the read transaction that an unfinished statement holds, and frees bound values.
    func reset() {
        sqlite3_reset(raw)
        sqlite3_clear_bindings(raw)
    }

    func bind(_ value: SQLValue, at index: Int32) -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(raw, index)
        case .int(let number): return sqlite3_bind_int64(raw, index, number)
        case .double(let number): return sqlite3_bind_double(raw, index, number)
        case .text(var text):
            return text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { bytes in
                    // A nil pointer would bind NULL.
                    bytes.isEmpty
                        ? aib_sqlite_bind_text(raw, index, "", 0)
                        : aib_sqlite_bind_text(raw, index, bytes.baseAddress, UInt64(bytes.count))
                }
            }
        case .blob(let bytes):
            if bytes.isEmpty { return sqlite3_bind_zeroblob(raw, index, 0) }
            return bytes.withUnsafeBytes {
                aib_sqlite_bind_blob(raw, index, $0.baseAddress, UInt64($0.count))
            }
        }
    }

    func columns() -> SQLColumns {
        SQLColumns(
            (0..<sqlite3_column_count(raw)).map { index in
                sqlite3_column_name(raw, index).map { String(cString: $0) } ?? ""
            })
    }

    func row(_ count: Int) -> [SQLValue] {
        (0..<Int32(count)).map { index in
            switch sqlite3_column_type(raw, index) {
            case SQLITE_INTEGER: .int(sqlite3_column_int64(raw, index))
            case SQLITE_FLOAT: .double(sqlite3_column_double(raw, index))
            case SQLITE_TEXT:
                .text(
                    String(
                        decoding: bytes(sqlite3_column_text(raw, index), index), as: UTF8.self))
            case SQLITE_BLOB: .blob(Array(bytes(sqlite3_column_blob(raw, index), index)))
            default: .null
            }
        }
    }

    private func bytes(_ start: UnsafeRawPointer?, _ index: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(raw, index)))
    }
}
