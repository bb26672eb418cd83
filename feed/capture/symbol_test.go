package capture

import "testing"

func TestSymbol(t *testing.T) {
	for address, want := range map[string]string{
		"https://api.binance.com/api/v3/depth?symbol=NKNUSDT&limit=1000":                                "NKNUSDT",
		"https://api.gateio.ws/api/v4/spot/order_book?currency_pair=HAI_ETH&limit=100&with_id=true":     "HAI_ETH",
		"https://api.gateio.ws/api/v4/futures/usdt/order_book?contract=OMG_USDT&limit=100&with_id=true": "OMG_USDT",
		"https://www.bitstamp.net/api/v2/order_book/sgbeur":                                             "sgbeur",
		"https://www.bitstamp.net/api/v2/order_book/ethusd/":                                            "ethusd",
		"https://api.exchange.coinbase.com/products/BTC-USD/book?level=3":                               "BTC-USD",
		"https://host/api/v3/exchangeInfo":                                                              "",
		"https://host/order_book":                                                                       "",
		"https://host":                                                                                  "",
		"":                                                                                              "",
		"://":                                                                                           "",
	} {
		if got := Symbol(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
