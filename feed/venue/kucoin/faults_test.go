package kucoin_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/kucoin"
)

// futures writes made books as the venue's futures do: each change is of one level and has a number, the one before plus
// one.
type futures struct {
	number map[string]int
	old    map[string]string // a REST order book that is still on its way
	clock  int
}

// whole writes a REST order book: every other one was asked for a while ago, when the one before it came.
func (f *futures) whole(x *feedtest.Exchange) []feed.Record {
	bids, asks := x.Book()
	now := fmt.Sprintf(`{"code":"200000","data":{"sequence":%d,"symbol":%q,"bids":[%s],"asks":[%s],"ts":%d}}`,
		f.number[x.Native], x.Native, numbers(bids), numbers(asks), 1700000000000000000+f.clock*1000000)
	late := f.old[x.Native]
	if f.old[x.Native] = now; late != "" {
		f.old[x.Native] = ""
		return []feed.Record{{Value: []byte(late)}, {Value: []byte(now)}}
	}
	return []feed.Record{{Value: []byte(now)}}
}

func (f *futures) change(x *feedtest.Exchange, bids, asks []feedtest.Rung) (all []feed.Record) {
	for _, r := range bids {
		all = append(all, f.message(x, r.Price+",buy,"+r.Qty))
	}
	for _, r := range asks {
		all = append(all, f.message(x, r.Price+",sell,"+r.Qty))
	}
	return all
}

func (f *futures) message(x *feedtest.Exchange, change string) feed.Record {
	f.number[x.Native]++
	f.clock++
	return feed.Record{Value: fmt.Appendf(nil, `{"topic":"/contractMarket/level2:%s","type":"message","subject":"level2","sn":%[2]d,"data":{"sequence":%[2]d,"change":%[3]q,"timestamp":%[4]d}}`,
		x.Native, f.number[x.Native], change, 1700000000000+f.clock)}
}

// other is a change that moves the number alone, or a trade.
func (f *futures) other(x *feedtest.Exchange, rng *rand.Rand) []feed.Record {
	if rng.IntN(2) == 0 {
		return []feed.Record{f.message(x, "0,buy,0")}
	}
	return []feed.Record{{Value: fmt.Appendf(nil, `{"topic":"/contractMarket/execution:%s","type":"message","subject":"match","data":{"symbol":%[1]q,"sequence":%d,"side":"buy","size":5,"price":"37000.3","takerOrderId":"a","makerOrderId":"b","tradeId":"%[2]d","ts":1712570590399000000}}`,
		x.Native, f.clock)}}
}

func numbers(side []feedtest.Rung) string {
	var all []string
	for _, r := range side {
		all = append(all, fmt.Sprintf(`[%s,%s]`, r.Price, r.Qty))
	}
	return strings.Join(all, ",")
}

func contracts() []*feedtest.Exchange {
	return []*feedtest.Exchange{
		feedtest.NewExchange("XBTUSDTM", 0, 1, 0, 1), feedtest.NewExchange("XBTUSDM", 0, 1, 0, 2), feedtest.NewExchange("XBTMU24", 0, 1, 0, 3),
	}
}

// Made books of futures with messages dropped, doubled and swapped. There is no recorded session.
func TestFaultsOfFutures(t *testing.T) {
	f := &futures{number: map[string]int{}, old: map[string]string{}}
	all := contracts()
	w := feedtest.Writer{Whole: f.whole, Change: f.change, Other: f.other, Things: 1, Before: 5}
	rec := &feedtest.Recording{Format: kucoin.Futures, Options: feed.DefaultOptions(), Records: feedtest.Made(1, 1500, w, all...)}
	if books, _, _ := feedtest.Follow(t, rec, all...); books < 1000 {
		t.Errorf("%d messages are of books", books)
	}
	feedtest.Faults(t, rec, 3)
}

// unified writes them as the unified API does: a change has a range of numbers.
type unified struct {
	number map[string]int
	clock  int
}

func (u *unified) message(x *feedtest.Exchange, kind string, first int, bids, asks []feedtest.Rung) []feed.Record {
	u.clock++
	at := 1770000000000000000 + u.clock*1000000
	return []feed.Record{{Value: fmt.Appendf(nil, `{"T":"obu.FUTURES","dp":"increment@10ms","t":%q,"P":%d,"d":{"s":%q,"O":%d,"C":%d,"M":%[2]d,"b":[%[6]s],"a":[%[7]s]}}`,
		kind, at, x.Native, first, u.number[x.Native], threes(bids), threes(asks))}}
}

// threes are levels with what only some takers meet, here nothing.
func threes(side []feedtest.Rung) string {
	var all []string
	for _, r := range side {
		all = append(all, fmt.Sprintf(`[%q,%q,"0"]`, r.Price, r.Qty))
	}
	return strings.Join(all, ",")
}

func TestFaultsOfUnifiedFutures(t *testing.T) {
	u := &unified{number: map[string]int{}}
	all := contracts()
	w := feedtest.Writer{
		Whole: func(x *feedtest.Exchange) []feed.Record {
			bids, asks := x.Book()
			u.number[x.Native] = max(u.number[x.Native], 1731000000001)
			return u.message(x, "snapshot", u.number[x.Native], bids, asks)
		},
		Change: func(x *feedtest.Exchange, bids, asks []feedtest.Rung) []feed.Record {
			first := u.number[x.Native] + 1
			u.number[x.Native] += len(bids) + len(asks)
			return u.message(x, "delta", first, bids, asks)
		},
		Things: 4,
	}
	rec := &feedtest.Recording{Format: kucoin.Futures, Options: feed.DefaultOptions(), Records: feedtest.Made(1, 1500, w, all...)}
	if books, _, passed := feedtest.Follow(t, rec, all...); books < 1500 || passed > 0 {
		t.Errorf("%d messages are of books, %d are passed over", books, passed)
	}
	feedtest.Faults(t, rec, 3)
}
