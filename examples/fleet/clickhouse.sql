-- SPDX-License-Identifier: LGPL-2.1-or-later
-- Reports in ClickHouse. The report is the row; columns are taken out of it when it comes in, so senders know one column only:
--
--   corewatchctl hook --state=… --batch=100 -- curl -sSf --data-binary @- \
--     'https://clickhouse.example:8443/?query=INSERT%20INTO%20corewatch.reports%20(report)%20FORMAT%20LineAsString'
--
-- A report that came twice, and one that an update supersedes, are merged away: read with FINAL, as the view does.
CREATE DATABASE IF NOT EXISTS corewatch;

CREATE TABLE IF NOT EXISTS corewatch.reports
(
    report      String CODEC(ZSTD(3)),
    host        LowCardinality(String) DEFAULT JSONExtractString(report, 'host', 'name'),
    id          FixedString(32) DEFAULT JSONExtractString(report, 'report_id'),
    revision    UInt8 DEFAULT if(JSONHas(report, 'revision'), toUInt8(JSONExtractUInt(report, 'revision')), 1),
    time        DateTime('UTC') DEFAULT parseDateTimeBestEffortOrZero(JSONExtractString(report, 'time')),
    verdict     LowCardinality(String) DEFAULT JSONExtractString(report, 'verdict', 'id'),
    confidence  LowCardinality(String) DEFAULT JSONExtractString(report, 'verdict', 'confidence'),
    signal      LowCardinality(String) DEFAULT JSONExtractString(report, 'crash', 'signal', 'name'),
    fingerprint FixedString(32) DEFAULT JSONExtractString(report, 'fingerprint', 'id'),
    command     LowCardinality(String) DEFAULT JSONExtractString(report, 'process', 'command'),
    executable  LowCardinality(String) DEFAULT JSONExtractString(report, 'process', 'executable', 'path'),
    build_id    String DEFAULT JSONExtractString(report, 'process', 'executable', 'build_id', 'gnu'),
    summary     String DEFAULT JSONExtractString(report, 'verdict', 'summary')
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(time)
ORDER BY (fingerprint, host, id)
TTL time + INTERVAL 2 YEAR;

-- What `corewatchctl top` shows, of the last week.
CREATE VIEW IF NOT EXISTS corewatch.top AS
SELECT fingerprint, count() AS crashes, uniqExact(host) AS hosts, max(time) AS last_seen, any(verdict) AS verdict,
       any(executable) AS executable, argMax(summary, time) AS summary
FROM corewatch.reports FINAL
WHERE time > now() - INTERVAL 7 DAY
GROUP BY fingerprint
ORDER BY crashes DESC;
