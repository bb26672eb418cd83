package clickhouse

import (
	"context"
	"fmt"

	"tapedeck/market"
)

// Minutes implements feed.Candles. Where several logs have a minute, as when it was recorded and imported too, the one of the most
// trades counts, and of a log its newest revision, which has the most.
func (db *DB) Minutes(ctx context.Context, symbol string, before int64, limit int) ([]market.Candle, error) {
	// A symbol's candles are in order, but older servers sort all of them that are asked for: most symbols have a candle every few minutes.
	recent := before - max(4*int64(limit), 1440)*minute
	list, err := db.minutes(ctx, symbol, recent, before, limit)
	if err != nil || len(list) == limit || recent <= 0 {
		return list, err
	}
	return db.minutes(ctx, symbol, 0, before, limit)
}

const minute = int64(60e6)

func (db *DB) minutes(ctx context.Context, symbol string, from, before int64, limit int) (list []market.Candle, err error) {
	query := fmt.Sprintf("SELECT start, open, high, low, close, volume, quote_volume, trades, rev FROM %s WHERE symbol = %s AND start >= %d AND start < %d "+
		"ORDER BY start DESC, trades DESC, rev DESC, offset DESC LIMIT 1 BY start LIMIT %d", db.Table("candles_1m"), quote(symbol), from, before, limit)
	err = db.each(ctx, query, func(scan func(...any) error) error {
		c := market.Candle{Width: minute, Final: true}
		var text [6]string
		if err := scan(&c.Start, &text[0], &text[1], &text[2], &text[3], &text[4], &text[5], &c.Trades, &c.Rev); err != nil {
			return err
		}
		for i, d := range []*market.Decimal{&c.Open, &c.High, &c.Low, &c.Close, &c.Volume, &c.QuoteVolume} {
			var ok bool
			if *d, ok = market.ParseDecimal(text[i]); !ok && (i != 5 || text[i] != "") {
				return fmt.Errorf("the candle of %s at %d has %q for a number: record or import that day anew", symbol, c.Start, text[i])
			}
		}
		list = append(list, c)
		return nil
	})
	return list, err
}

// Symbols implements feed.Candles.
func (db *DB) Symbols(ctx context.Context) (list []string, err error) {
	query := "SELECT DISTINCT symbol FROM " + db.Table("days") + " WHERE symbol != '' ORDER BY symbol"
	err = db.each(ctx, query, func(scan func(...any) error) error {
		var symbol string
		if err := scan(&symbol); err != nil {
			return err
		}
		list = append(list, symbol)
		return nil
	})
	return list, err
}
