/// The container of old Office files: a small file system of sectors and chains (MS-CFB). Every
/// number in it is untrusted until it is within the file, and no chain is longer than the number of
/// sectors.
struct CompoundFile {
    private let bytes: [UInt8]
    private let sectorBytes: Int
    /// The next sector of each sector.
    private var table: [Int] = []
    private var miniTable: [Int] = []
    private var miniStream: [UInt8] = []
    private let miniLimitBytes: Int
    private var entries: [Entry] = []

    private struct Entry {
        var name: String
        var first: Int
        var sizeBytes: Int
        var left: Int
        var right: Int
    }

    private static let endOfChain = 0xFFFF_FFFE
    private static let none = 0xFFFF_FFFF
    private static let miniSectorBytes = 64
    private static let entryBytes = 128

    init(_ bytes: [UInt8]) throws(SheetError) {
        self.bytes = bytes
        let shift = try bytes.u16(30)
        guard shift == 9 || shift == 12 else { throw SheetError.cutShort }
        sectorBytes = 1 << shift
        miniLimitBytes = try bytes.u32(56)
        table = try allocation()
        let directory = try chain(try bytes.u32(48))
        try list(directory)
        let miniChain = try chain(try bytes.u32(60))
        miniTable = try Self.numbers(miniChain[...])
    }

    /// The streams and storages at the top level, by name.
    func stream(_ name: String) throws(SheetError) -> [UInt8]? {
        guard let entry = entries.first(where: { $0.name == name }) else { return nil }
        guard entry.sizeBytes <= bytes.count else { throw SheetError.cutShort }
        let content =
            entry.sizeBytes < miniLimitBytes
            ? try miniChain(entry.first) : try chain(entry.first)
        guard content.count >= entry.sizeBytes else { throw SheetError.cutShort }
        return Array(content.prefix(entry.sizeBytes))
    }

    var names: Set<String> { Set(entries.map(\.name)) }

    private func sector(_ number: Int) throws(SheetError) -> ArraySlice<UInt8> {
        // The header occupies one sector before the first.
        let (start, tooLarge) = (number + 1).multipliedReportingOverflow(by: sectorBytes)
        guard !tooLarge, start < bytes.count else { throw SheetError.cutShort }
        return bytes[start..<min(start + sectorBytes, bytes.count)]
    }

    /// The table of chains, whose own sectors are listed by the header and a chain of sectors.
    private func allocation() throws(SheetError) -> [Int] {
        let sectors = bytes.count / sectorBytes
        var list: [Int] = []
        for index in 0..<109 { list.append(try bytes.u32(76 + index * 4)) }
        var next = try bytes.u32(68)
        var visited = 0
        while next != Self.endOfChain, next != Self.none {
            visited += 1
            guard visited <= sectors else { throw SheetError.cutShort }
            let numbers = try Self.numbers(try sector(next))
            guard let last = numbers.last else { throw SheetError.cutShort }
            list += numbers.dropLast()
            next = last
        }
        var table: [Int] = []
        for number in list where number != Self.none {
            guard table.count <= sectors + sectorBytes else { break }
            table += try Self.numbers(try sector(number))
        }
        return table
    }

    private func chain(_ first: Int) throws(SheetError) -> [UInt8] {
        var content: [UInt8] = []
        var number = first
        while number != Self.endOfChain, number != Self.none {
            guard table.indices.contains(number), content.count <= bytes.count else {
                throw SheetError.cutShort
            }
            content += try sector(number)
            number = table[number]
        }
        return content
    }

    private func miniChain(_ first: Int) throws(SheetError) -> [UInt8] {
        var content: [UInt8] = []
        var number = first
        while number != Self.endOfChain, number != Self.none {
            let start = number * Self.miniSectorBytes
            guard miniTable.indices.contains(number), start < miniStream.count,
                content.count <= bytes.count
            else { throw SheetError.cutShort }
            content += miniStream[start..<min(start + Self.miniSectorBytes, miniStream.count)]
            number = miniTable[number]
        }
        return content
    }

    private static func numbers(_ bytes: ArraySlice<UInt8>) throws(SheetError) -> [Int] {
        var numbers: [Int] = []
        for index in 0..<(bytes.count / 4) { numbers.append(try bytes.u32(index * 4)) }
        return numbers
    }

    /// Only the top level: an embedded document has streams with the same names.
    private mutating func list(_ directory: [UInt8]) throws(SheetError) {
        let count = directory.count / Self.entryBytes
        guard count > 0 else { throw SheetError.cutShort }
        let root = try entry(0, directory)
        miniStream = root.sizeBytes == 0 ? [] : try chain(root.first)
        var pending = [try directory.u32(76)]
        var seen: Set<Int> = []
        while let index = pending.popLast() {
            guard index < count, seen.insert(index).inserted else { continue }
            let entry = try entry(index, directory)
            entries.append(entry)
            pending += [entry.left, entry.right]
        }
    }

    private func entry(_ index: Int, _ directory: [UInt8]) throws(SheetError) -> Entry {
        let start = index * Self.entryBytes
        let nameBytes = try directory.u16(start + 64)
        var units: [UInt16] = []
        for offset in stride(from: 0, to: min(max(0, nameBytes - 2), 62), by: 2) {
            units.append(UInt16(try directory.u16(start + offset)))
        }
        return Entry(
            name: String(decoding: units, as: UTF16.self),
            first: try directory.u32(start + 116), sizeBytes: try directory.u32(start + 120),
            left: try directory.u32(start + 68), right: try directory.u32(start + 72))
    }
}
