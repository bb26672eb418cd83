// Package venue is the table of decoders: each describes itself in its folder, and has one line here.
package venue

import (
	"tapedeck/feed"
	"tapedeck/feed/venue/binance"
	"tapedeck/feed/venue/bitfinex"
	"tapedeck/feed/venue/bitget"
	"tapedeck/feed/venue/bitmex"
	"tapedeck/feed/venue/bitstamp"
	"tapedeck/feed/venue/bybit"
	"tapedeck/feed/venue/coinbase"
	"tapedeck/feed/venue/coinbaseadvanced"
	"tapedeck/feed/venue/cryptocom"
	"tapedeck/feed/venue/deribit"
	"tapedeck/feed/venue/gate"
	"tapedeck/feed/venue/gemini"
	"tapedeck/feed/venue/htx"
	"tapedeck/feed/venue/hyperliquid"
	"tapedeck/feed/venue/itch"
	"tapedeck/feed/venue/kraken"
	"tapedeck/feed/venue/krakenfutures"
	"tapedeck/feed/venue/kucoin"
	"tapedeck/feed/venue/okx"
	"tapedeck/feed/venue/tick"
	"tapedeck/feed/venue/upbit"
)

// Formats lists every format that a feed may have.
var Formats = []*feed.Format{
	binance.Spot,
	binance.USDM,
	binance.COINM,
	bitfinex.Format,
	bitmex.Format,
	cryptocom.Format,
	deribit.Format,
	coinbase.Format,
	coinbaseadvanced.Format,
	hyperliquid.Format,
	kraken.V2,
	kraken.V1,
	krakenfutures.Format,
	okx.Format,
	bitstamp.Format,
	gemini.Format,
	upbit.Format,
	kucoin.Spot,
	kucoin.Futures,
	bybit.Spot,
	bybit.Linear,
	bybit.Inverse,
	bybit.Option,
	gate.Spot,
	gate.Futures,
	htx.Spot,
	htx.Swap,
	bitget.Spot,
	bitget.USDT,
	bitget.USDC,
	bitget.Coin,
	itch.Format,
	itch.Mold,
	tick.Format,
}

// Lookup returns the format of that name.
func Lookup(name string) (*feed.Format, bool) {
	for _, f := range Formats {
		if f.Name == name {
			return f, true
		}
	}
	return nil, false
}
