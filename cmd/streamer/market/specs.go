package market

// spec is what one symbol is like.
type spec struct {
	base     string
	quote    string
	start    int64   // price at first, in ticks
	decimals int     // of a tick: 2 says that prices move by 0.01
	lots     int     // decimals of a lot
	orders   float64 // a second, with their cancels
	vol      float64 // standard deviation of a minute, in parts of the price
	size     float64 // median order, in lots
	reach    float64 // mean distance of the orders behind the touch, in ticks
	burst    float64 // how much busier it is in its wild times; 0: it has none
}

// specs are the symbols, the busiest first. decimals and lots together are at most 8, as many as the venue
// writes, so that a sum of price times quantity is exact.
var specs = []spec{
	{base: "BTC", quote: "USDT", start: 97_412_50, decimals: 2, lots: 5, orders: 55, vol: 5e-4, size: 1200, reach: 2500},
	{base: "ETH", quote: "USDT", start: 3_412_77, decimals: 2, lots: 4, orders: 38, vol: 6e-4, size: 2200, reach: 160},
	{base: "SOL", quote: "USDT", start: 178_42, decimals: 2, lots: 3, orders: 18, vol: 7e-4, size: 3100, reach: 25},
	{base: "XRP", quote: "USDT", start: 2_3184, decimals: 4, lots: 1, orders: 14, vol: 7e-4, size: 2400, reach: 30},
	{base: "DOGE", quote: "USDT", start: 21437, decimals: 5, lots: 0, orders: 12, vol: 9e-4, size: 1600, reach: 30},
	{base: "BNB", quote: "USDT", start: 712_35, decimals: 2, lots: 3, orders: 9, vol: 5e-4, size: 420, reach: 60},
	{base: "PEPE", quote: "USDT", start: 1234, decimals: 8, lots: 0, orders: 3, vol: 14e-4, size: 7_500_000, reach: 14, burst: 14},
	{base: "WIF", quote: "USDT", start: 1_187, decimals: 3, lots: 2, orders: 1.5, vol: 16e-4, size: 14_000, reach: 16, burst: 24},
	{base: "ADA", quote: "USDT", start: 7431, decimals: 4, lots: 1, orders: 5, vol: 7e-4, size: 5200, reach: 25},
	{base: "LTC", quote: "USDT", start: 108_42, decimals: 2, lots: 3, orders: 1.2, vol: 5e-4, size: 1500, reach: 30},
	{base: "BTC", quote: "EUR", start: 89_640_20, decimals: 2, lots: 5, orders: 0.7, vol: 5e-4, size: 900, reach: 5000},
	{base: "EUR", quote: "USDT", start: 1_0867, decimals: 4, lots: 1, orders: 0.25, vol: 0.8e-4, size: 9000, reach: 12},
}

// name is how the venue writes the symbol.
func (s spec) name() string { return s.base + s.quote }

// Names lists the symbols that can be simulated, as the venue writes them, the busiest first.
func Names() []string {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.name()
	}
	return names
}
