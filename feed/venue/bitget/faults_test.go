package bitget_test

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/bitget"
)

// exchange writes made books as the venue does: with a number that leaps, and that of the message before or a checksum.
type exchange struct {
	kind   string // instType
	sums   bool   // checksums, in the place of the numbers of the messages before
	number map[string]int
	clock  int
	whole  int // books that were sent whole
}

func (e *exchange) message(x *feedtest.Exchange, action string, was int, bids, asks []feedtest.Rung) []feed.Record {
	e.clock += 20
	proof := fmt.Sprintf(`"checksum":0,"seq":%d,"pseq":%d`, e.number[x.Native], was)
	if e.sums {
		proof = fmt.Sprintf(`"checksum":%d,"seq":%d`, signed(x), e.number[x.Native])
	}
	return []feed.Record{{Value: fmt.Appendf(nil, `{"action":%q,"arg":{"instType":%q,"channel":"books","instId":%q},"data":[{"asks":[%s],"bids":[%s],%s,"ts":"%d"}],"ts":%[7]d}`,
		action, e.kind, x.Native, texts(asks), texts(bids), proof, 1700000000000+e.clock)}}
}

// signed is the checksum by the venue's guide: of bid:quantity:ask:quantity, level by level, 25 of them; where one side
// has less, of what the other has.
func signed(x *feedtest.Exchange) int32 {
	bids, asks := x.Book()
	var parts []string
	for i := range 25 {
		for _, side := range [][]feedtest.Rung{bids, asks} {
			if i < len(side) {
				parts = append(parts, side[i].Price, side[i].Qty)
			}
		}
	}
	return int32(crc32.ChecksumIEEE([]byte(strings.Join(parts, ":"))))
}

// snapshot writes a whole book. Every other one comes when the venue began anew, with smaller numbers.
func (e *exchange) snapshot(x *feedtest.Exchange) []feed.Record {
	switch e.whole++; {
	case e.number[x.Native] == 0:
		e.number[x.Native] = 1304314508780744704
	case e.whole%2 == 0:
		e.number[x.Native] /= 2
		x.Next(5) // which nobody was told
	}
	bids, asks := x.Book()
	return e.message(x, "snapshot", 0, bids, asks)
}

func (e *exchange) change(x *feedtest.Exchange, bids, asks []feedtest.Rung) []feed.Record {
	was := e.number[x.Native]
	e.number[x.Native]++
	if e.clock%3 == 0 { // it leaps, but not always
		e.number[x.Native] += was % 977
	}
	return e.message(x, "update", was, bids, asks)
}

func (e *exchange) other(x *feedtest.Exchange, rng *rand.Rand) []feed.Record {
	if rng.IntN(2) == 0 {
		return []feed.Record{{Value: []byte("pong")}}
	}
	return []feed.Record{{Value: fmt.Appendf(nil,
		`{"action":"update","arg":{"instType":%q,"channel":"trade","instId":%q},"data":[{"ts":"1700000000202","price":"37000.2","size":"0.013","side":"sell","tradeId":"111111111%d"}],"ts":1700000000205}`,
		e.kind, x.Native, e.clock)}}
}

func texts(side []feedtest.Rung) string {
	var all []string
	for _, r := range side {
		all = append(all, fmt.Sprintf(`[%q,%q]`, r.Price, r.Qty))
	}
	return strings.Join(all, ",")
}

// Made books with messages dropped, doubled and swapped, of markets of which there is no recorded session.
func TestFaultsOfMadeBooks(t *testing.T) {
	for _, market := range []struct {
		format  *feed.Format
		kind    string
		natives []string
	}{
		{bitget.USDC, "USDC-FUTURES", []string{"BTCPERP", "ETHPERP"}},
		{bitget.Coin, "COIN-FUTURES", []string{"BTCUSD", "BTCUSDM25"}},
	} {
		for _, sums := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, checksums %v", market.format.Name, sums), func(t *testing.T) {
				var exchanges []*feedtest.Exchange
				for i, native := range market.natives {
					exchanges = append(exchanges, feedtest.NewExchange(native, 0, 1, 3, uint64(i)))
				}
				n, rounds := 3000, 8
				if sums {
					n, rounds = 1500, 2
				}
				e := &exchange{kind: market.kind, sums: sums, number: map[string]int{}}
				w := feedtest.Writer{Whole: e.snapshot, Change: e.change, Other: e.other, Things: 4}
				rec := &feedtest.Recording{Format: market.format, Options: feed.DefaultOptions(), Records: feedtest.Made(1, n, w, exchanges...)}
				if sums {
					rec.Sight, rec.Levels = feedtest.AtChecks, 25
				}
				books, checks, _ := feedtest.Follow(t, rec, exchanges...)
				if books < 1000 || sums && checks != books || !sums && checks != 0 {
					t.Errorf("%d messages are of books, %d checksums are right", books, checks)
				}
				feedtest.Faults(t, rec, rounds)
			})
		}
	}
}
