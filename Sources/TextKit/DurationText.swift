/// Durations as people write them in options and configuration: `90s`, `20m`, `4h`, `2d`.
public enum DurationText {
    static let units: [(name: Character, seconds: Int)] = [
        ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
    ]

    /// - Returns: `nil` if it is no duration, or one of more than a hundred years.
    public static func seconds(_ text: String) -> Int? {
        guard let last = text.last, let unit = units.first(where: { $0.name == last }),
            text.utf8.dropLast().allSatisfy({ (0x30...0x39).contains($0) }),
            let count = Int(text.dropLast()),
            count <= 36_525 * 86_400 / unit.seconds
        else { return nil }
        return count * unit.seconds
    }

    /// In the largest unit that needs no fraction: `30m`, `36h`, `90s`.
    public static func text(_ seconds: Int) -> String {
        let unit = units.first { seconds >= $0.seconds && seconds.isMultiple(of: $0.seconds) }
        guard let unit else { return "\(seconds)s" }
        return "\(seconds / unit.seconds)\(unit.name)"
    }
}
