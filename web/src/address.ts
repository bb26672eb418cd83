// What is shown, as the page's address has it: whoever opens the address sees the same.

export type Theme = 'light' | 'dark' | '';

export interface View {
  symbol: string; // VENUE:SYMBOL as in the names of rooms; '': the busiest
  interval: string; // asked for the book and the trades
  depth: string; // of the book, levels a side
  width: string; // of a candle
  find: string; // what is searched for
  theme: Theme; // '': as the system is
  from: string; // of a replay; '': live
  to: string;
  speed: string;
  paused: boolean;
}

export const usual: View = {
  symbol: '', interval: '100ms', depth: '20', width: '1m', find: '', theme: '', from: '', to: '', speed: '1', paused: false,
};

// parse reads the query of an address. What it does not understand is as usual: addresses are typed by hand.
export function parse(query: string): View {
  const has = new URLSearchParams(query);
  const word = (name: keyof View, fit: RegExp) => {
    const value = has.get(name) ?? '';
    return fit.test(value) ? value : String(usual[name]);
  };
  return {
    symbol: word('symbol', /^[^:]+:.+$/),
    interval: word('interval', /^\d+(ms|s|m)?$/),
    depth: word('depth', /^\d{1,4}$/),
    width: word('width', /^\d{1,3}[smhd]$/),
    find: has.get('find') ?? '',
    theme: word('theme', /^(light|dark)$/) as Theme,
    from: word('from', /^(\d{10,17}|\d{4}-\d\d-\d\d[T\d:.+Z-]*)$/),
    to: word('to', /^(live|\d{10,17}|\d{4}-\d\d-\d\d[T\d:.+Z-]*)$/),
    speed: word('speed', /^(max|\d{1,4}(\.\d{1,3})?)$/),
    paused: has.has('paused'),
  };
}

// format is the inverse of parse, without what is as usual.
export function format(view: View): string {
  const said = Object.entries(view).filter(([name, value]) => value !== usual[name as keyof View]);
  // A colon may stand in a query as it is, and reads better.
  const text = said.map(([name, value]) => (value === true ? name : `${name}=${encodeURIComponent(value).replaceAll('%3A', ':')}`));
  return text.length > 0 ? `?${text.join('&')}` : '';
}
