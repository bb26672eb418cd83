package wire

import (
	"encoding/json"
	"testing"

	"tapedeck/market"
)

func TestJSONFrame(t *testing.T) {
	id, _ := market.MakeID("42")
	dst := JSON.Begin(nil)
	dst = JSON.AppendUpdate(dst, &Update{Room: "trades:BINANCE:BTC-USDT", Prev: 1, Seq: 5, N: 1, Time: 7, Body: &market.Tape{
		Trades: []market.Trade{{ID: id, Price: market.MustDecimal("61837.63000000"), Qty: market.MustDecimal("0.00100"), Side: market.Buy, Time: 6}}}})
	dst = JSON.Next(dst)
	dst = JSON.AppendSnapshot(dst, &Snapshot{Room: "x\xff\"", Empty: market.BookChannel})
	dst = JSON.End(dst, 0, 2)
	want := `[{"t":"update","room":"trades:BINANCE:BTC-USDT","prev":1,"seq":5,"n":1,"ts":7,` +
		`"d":[{"id":"42","px":"61837.63000000","qty":"0.00100","side":"buy","ts":6}]},` +
		`{"t":"snapshot","room":"x` + "\uFFFD" + `\"","epoch":"","seq":0,"d":{"bids":[],"asks":[]}}]`
	if string(dst) != want || !json.Valid(dst) {
		t.Errorf("got  %s\nwant %s", dst, want)
	}
}
