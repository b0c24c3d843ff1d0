// Network addresses: which are public, and which stand in a list of addresses and ranges.
import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;
type Range = readonly [Address, number];

/** Whether an address is one of the public internet: no loopback, private, link-local, mapped or otherwise special one. */
export function isPublicAddress(text: string): boolean {
  const address = parse(text);
  if (address === null || address.range() !== 'unicast') return false;
  // Global unicast is 2000::/3; what lies outside (IPv4-compatible ::127.0.0.1 among them) is nobody's public server.
  return address.kind() === 'ipv4' || ((address.toByteArray()[0] ?? 0) & 0xe0) === 0x20;
}

/** Whether a text is an address or a range in CIDR notation. */
export function isAddressOrRange(text: string): boolean {
  return range(text) !== null;
}

/** A test for addresses against a list; entries that are neither address nor range match nothing. */
export function addressList(entries: readonly string[]): (address: string) => boolean {
  const ranges = entries.map(range).filter(entry => entry !== null);
  return text => {
    const address = parse(text);
    return address !== null && ranges.some(entry => contains(entry, address));
  };
}

function contains([network, bits]: Range, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network as never, bits);
}

/** IPv4 addresses written as IPv6 ones (`::ffff:10.0.0.1`, as a dual-stack socket reports them) count as IPv4. */
function parse(text: string): Address | null {
  const bare = text.includes('%') ? text.slice(0, text.indexOf('%')) : text;
  return ipaddr.IPv4.isValidFourPartDecimal(bare) || ipaddr.IPv6.isValid(bare) ? ipaddr.process(bare) : null;
}

function range(text: string): Range | null {
  const slash = text.indexOf('/');
  const address = parse(slash === -1 ? text : text.slice(0, slash));
  if (address === null) return null;
  const most = address.kind() === 'ipv4' ? 32 : 128;
  if (slash === -1) return [address, most];
  const bits = text.slice(slash + 1);
  return /^[0-9]{1,3}$/.test(bits) && Number(bits) <= most ? [address, Number(bits)] : null;
}
