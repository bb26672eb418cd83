package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tapedeck/feed"
)

// What an error is of. Whoever goes on when the server is back asks for ErrAway; the others stay until somebody changes something.
const (
	ErrAway   = feed.Trouble("ClickHouse does not answer")               // down, stalled, restarting, too busy: may pass
	ErrDenied = feed.Trouble("ClickHouse refuses")                       // a wrong password, a missing right
	ErrSchema = feed.Trouble("the archive's tables are not as expected") // none, or of another schema
)

// Codes of the server's exceptions, by what they mean to us.
var codes = map[int32]error{
	192: ErrDenied, 193: ErrDenied, 194: ErrDenied, 195: ErrDenied, 291: ErrDenied, 497: ErrDenied, 516: ErrDenied, // user, password, rights
	164: ErrDenied, // a user who may only read
	16:  ErrSchema, 47: ErrSchema, 53: ErrSchema, 60: ErrSchema, 81: ErrSchema, 43: ErrSchema, 386: ErrSchema, 10: ErrSchema, 8: ErrSchema,
	159: ErrAway, 160: ErrAway, 202: ErrAway, 203: ErrAway, 209: ErrAway, 210: ErrAway, 241: ErrAway, 242: ErrAway, 252: ErrAway, 394: ErrAway, 999: ErrAway,
}

// remedies say what to do.
var remedies = map[error]string{
	ErrAway:   "see whether it runs at --clickhouse and what its log says",
	ErrDenied: "see --clickhouse-user and its password, and which rights it was given",
	ErrSchema: "`replay migrate` makes and checks them",
}

// explain says of which kind an error of the driver is, and what to do. ctx is the query's own.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var theirs *clickhouse.Exception
	switch {
	case errors.As(err, &theirs):
		kind := codes[theirs.Code]
		if kind == nil {
			return fmt.Errorf("ClickHouse: %s (code %d)", firstLine(theirs.Message), theirs.Code)
		}
		return fmt.Errorf("%w: %s (code %d): %s", kind, firstLine(theirs.Message), theirs.Code, remedies[kind])
	case errors.Is(err, context.Canceled) && ctx.Err() == context.Canceled:
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded): // the query's, or the socket's, which is as long
		return fmt.Errorf("%w in time: %s", ErrAway, remedies[ErrAway])
	}
	return fmt.Errorf("%w: %w: %s", ErrAway, err, remedies[ErrAway])
}

// firstLine cuts what a server adds for its own developers.
func firstLine(text string) string {
	const most = 300
	for i, r := range text {
		if r == '\n' || i >= most {
			return text[:i]
		}
	}
	return text
}
