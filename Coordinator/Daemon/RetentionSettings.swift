import CoordinatorCore
import YAMLKit

/// `retention:` in coordinator.yml: what is removed after how long.
enum RetentionSettings {
    static func policy(_ yaml: YAMLMapping) throws -> RetentionPolicy {
        var policy = RetentionPolicy()
        policy.goodImages = try yaml.take(
            "good_images", .int(RetentionPolicy.Bounds.goodImages), default: policy.goodImages)
        policy.failedDays = try yaml.take(
            "failed_days", .int(RetentionPolicy.Bounds.failedDays), default: policy.failedDays)
        policy.unpublishedDays = try yaml.take(
            "unpublished_days", .int(RetentionPolicy.Bounds.unpublishedDays),
            default: policy.unpublishedDays)
        policy.minimumFreeBytes = try yaml.take(
            "minimum_free", .sizeBytes, default: policy.minimumFreeBytes)
        policy.auditDays = try yaml.take(
            "audit_days", .int(RetentionPolicy.Bounds.auditDays), default: policy.auditDays)
        policy.historyDays = try yaml.take(
            "history_days", .int(RetentionPolicy.Bounds.historyDays), default: policy.historyDays)
        return policy
    }
}
