import Synchronization

/// Sums up the progress of a pull over its layers.
final class PullProgress: Sendable {
    private let layers = Mutex<[String: (done: Int64, total: Int64)]>([:])

    func take(_ line: JSON) -> (done: Int64, total: Int64)? {
        guard let id = line["id"]?.text, let status = line["status"]?.text else { return nil }
        return layers.withLock { layers -> (Int64, Int64)? in
            switch status {
            case "Downloading":
                guard case .int(let done)? = line["progressDetail"]?["current"],
                    case .int(let total)? = line["progressDetail"]?["total"]
                else { return nil }
                layers[id] = (done, total)
            case "Download complete":
                guard let total = layers[id]?.total else { return nil }
                layers[id] = (total, total)
            default: return nil
            }
            return layers.values.reduce((0, 0)) { ($0.0 + $1.done, $0.1 + $1.total) }
        }
    }
}
