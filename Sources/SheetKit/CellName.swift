/// Names of columns and cells as spreadsheets show them.
public enum CellName {
    /// `A` for 0, `AA` for 26.
    public static func column(_ index: Int) -> String {
        var name = ""
        var rest = index
        repeat {
            name = String(UnicodeScalar(UInt8(65 + rest % 26))) + name
            rest = rest / 26 - 1
        } while rest >= 0
        return name
    }

    /// Column from 0 and row from 1 of `B7`; `nil` for anything else.
    static func parse(_ name: String) -> (row: Int, column: Int)? {
        var column = 0
        var row = 0
        for byte in name.utf8 {
            switch byte {
            case 65...90 where row == 0:
                column = column * 26 + Int(byte) - 64
            case 48...57 where column > 0:
                row = row * 10 + Int(byte) - 48
            case UInt8(ascii: "$"): continue
            default: return nil
            }
            guard column <= 1 << 20, row <= 1 << 24 else { return nil }
        }
        return column > 0 && row > 0 ? (row, column - 1) : nil
    }
}
