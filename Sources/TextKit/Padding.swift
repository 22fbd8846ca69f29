extension BinaryInteger {
    /// The digits with zeros before them, so that there are at least `width`.
    public func zeroPadded(_ width: Int, radix: Int = 10) -> String {
        let digits = String(magnitude, radix: radix)
        let zeros = String(repeating: "0", count: max(0, width - digits.count))
        return (self < 0 ? "-" : "") + zeros + digits
    }
}

extension String {
    /// The text with spaces after it, so that it takes at least `width` columns.
    public func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
