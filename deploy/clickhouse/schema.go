// Package schema holds the archive's tables as SQL, one file for each version of them, in which package clickhouse fills in what
// differs between servers. `replay migrate --dry-run` prints what comes of it.
package schema

import "embed"

// Files are the versions: NNNN_name.sql.
//
//go:embed *.sql
var Files embed.FS
