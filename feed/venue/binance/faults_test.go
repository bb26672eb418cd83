package binance_test

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/binance"
	"tapedeck/market"
)

// Recorded sessions with messages dropped, doubled and swapped.
func TestFaults(t *testing.T) {
	for _, test := range []struct {
		session string
		format  *feed.Format
		symbol  string // of its REST order book, where nothing says it
		rounds  int
	}{
		{"hftbacktest/usdm_btcusdt_20240718", binance.USDM, "BTCUSDT", 1},
		{"cryptofeed/binance-usdm", binance.USDM, "", 5},
		{"cryptofeed/binance-spot", binance.Spot, "", 20},
		{"cryptofeed/binance-us", binance.Spot, "", 20},
		{"cryptofeed/binance-coinm", binance.COINM, "", 2},
	} {
		t.Run(test.session, func(t *testing.T) {
			t.Parallel()
			records := feedtest.Records(t, "sessions/"+test.session+".raw.gz")
			for i := range records {
				if test.symbol != "" {
					records[i].Key = []byte(test.symbol)
				}
			}
			feedtest.Faults(t, &feedtest.Recording{
				Format: test.format, Options: feed.DefaultOptions(), Records: records, Snapshot: restBook,
			}, test.rounds)
		})
	}
}

// restBook writes a book as its REST order book.
func restBook(sym *market.Symbol, k *market.Book) []feed.Record {
	value := fmt.Sprintf(`{"lastUpdateId":%d,"bids":[%s],"asks":[%s]}`, k.Last, pairs(k.Bids), pairs(k.Asks))
	return []feed.Record{{Key: []byte(sym.Native), Value: []byte(value)}}
}

func pairs(levels []market.Level) string {
	var all []string
	for _, l := range levels {
		all = append(all, fmt.Sprintf(`["%s","%s"]`, l.Price, l.Qty))
	}
	return strings.Join(all, ",")
}
