package capture

import (
	"net/url"
	"path"
)

// symbolNames are what venues call the parameter of a REST address that names the instrument.
var symbolNames = []string{"symbol", "currency_pair", "contract", "instrument_name", "instId", "pair", "product_id"}

// Symbol returns the venue's own name of the instrument that a REST address asks for, since the answer often
// does not say it: a parameter, or what follows order_book or products in the path; "" where there is none.
func Symbol(address string) string {
	u, err := url.Parse(address)
	if address == "" || err != nil {
		return ""
	}
	query := u.Query()
	for _, name := range symbolNames {
		if s := query.Get(name); s != "" {
			return s
		}
	}
	for dir, last := path.Split(path.Clean(u.Path)); last != "" && last != "."; dir, last = path.Split(path.Clean(dir)) {
		switch path.Base(dir) {
		case "order_book", "products":
			return last
		}
		if dir == "/" || dir == "" {
			break
		}
	}
	return ""
}
