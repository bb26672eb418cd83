package feed

import (
	"context"

	"tapedeck/market"
)

// Candles is an archive of minute candles that were made already, for charts that reach further back than the rooms do. It may
// be used from several goroutines. Symbols are written VENUE:NAME.
type Candles interface {
	// Minutes returns the newest candles of a symbol that begin before a time (µs), newest first: as many as limit says, or all that there
	// are. They are final.
	Minutes(ctx context.Context, symbol string, before int64, limit int) ([]market.Candle, error)
	// Symbols lists the symbols that the archive has something of.
	Symbols(ctx context.Context) ([]string, error)
}
