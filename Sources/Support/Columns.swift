import CLinux
import Glibc

/// The columns that a text takes on a terminal: two for a Chinese character, none for an accent.
public enum Columns {
    /// Debian always has this locale, and its table of widths.
    private static let isReady = setlocale(LC_CTYPE, "C.UTF-8") != nil

    public static func count(_ text: String) -> Int {
        text.utf8.allSatisfy { $0 < 0x80 }
            ? text.utf8.count : text.unicodeScalars.reduce(0) { $0 + width($1) }
    }

    /// The beginning of the text that fits.
    public static func prefix(_ text: String, _ columns: Int) -> String {
        var shown = String.UnicodeScalarView()
        var taken = 0
        for scalar in text.unicodeScalars {
            taken += width(scalar)
            if taken > columns { break }
            shown.append(scalar)
        }
        return String(shown)
    }

    private static func width(_ scalar: Unicode.Scalar) -> Int {
        guard isReady else { return 1 }
        return max(0, Int(aib_columns(scalar.value)))
    }
}
