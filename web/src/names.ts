// Names of instruments. The page knows one by VENUE:SYMBOL as it stands in the names of rooms, where signs
// that mean something in a name are percent-encoded; a person reads it decoded.

const reserved = /[:@,*%"\\<>&\x00-\x20\x7f]/g;

export function key(venue: string, symbol: string): string {
  return `${venue}:${symbol.replace(reserved, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'))}`;
}

export function parts(key: string): { venue: string; symbol: string } {
  const at = key.indexOf(':');
  const symbol = key.slice(at + 1).replace(/%([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return { venue: key.slice(0, at), symbol };
}
