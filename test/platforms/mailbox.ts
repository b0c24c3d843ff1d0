// A small mail server that speaks IMAP4rev1 over a socket, with faults on command: for tests of the mailbox adapter and the demo.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { decodeFolder, encodeFolder, type ImapWord, imapLines } from './mailbox-words.ts';

export interface SimulatedMail {
  readonly uid: number;
  readonly bytes: Buffer;
  readonly receivedAt: Date;
  readonly flags: Set<string>;
}

/** Faults and habits; all may be changed while it runs. */
export interface MailboxFaults {
  /** Logins are answered so instead of being checked. */
  login: { readonly status: 'NO' | 'BYE'; readonly text: string } | null;
  /** New connections are closed at once, as by a server that is down. */
  down: boolean;
  /** PERMANENTFLAGS without `\*`, and STORE of a keyword is refused. */
  refuseKeywords: boolean;
  /** SELECT is refused as 163 does it until ID was given. */
  wantsId: boolean;
  /** UIDs whose bodies are refused with NO. */
  readonly broken: Set<number>;
  /** Mails that vanish after their heads were told and before their bodies are. */
  readonly vanishing: Set<number>;
  /** The connection is cut after so many further bodies; null for never. */
  cutAfterBodies: number | null;
}

export interface MailboxSimulatorOptions {
  readonly user?: string;
  readonly password?: string;
  /** Taken by AUTHENTICATE XOAUTH2. */
  readonly accessToken?: string;
  /** What CAPABILITY names besides IMAP4rev1. */
  readonly capabilities?: readonly string[];
  /** PEM; then it speaks TLS from the first byte. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** UIDVALIDITY of every folder, as on servers that number all mailboxes alike; left out: each folder has its own. */
  readonly validity?: number;
}

export interface MailboxSimulator {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly faults: MailboxFaults;
  /** Every command line received, without literals and without what follows LOGIN or AUTHENTICATE. */
  readonly commands: readonly string[];
  readonly connections: number;
  /** Delivers a mail and tells whoever idles; answers its UID. A folder that is not there is made. */
  add(mail: string | Uint8Array, to?: { readonly folder?: string; readonly receivedAt?: Date }): number;
  mails(folder?: string): readonly SimulatedMail[];
  flags(uid: number, folder?: string): ReadonlySet<string>;
  /** Numbers a folder anew, as after a restored backup: new UIDVALIDITY, UIDs from 1, no keywords. */
  renumber(folder?: string): void;
  /** Puts INBOX back to the state in which this was its newest UID, UIDVALIDITY and all, as from a snapshot of the disk. */
  putBack(uid: number): void;
  remove(folder: string): void;
  accessToken(token: string): void;
  /** Cuts every connection. */
  drop(): void;
  stop(): Promise<void>;
}

interface Folder {
  validity: number;
  next: number;
  mails: SimulatedMail[];
}

interface World {
  readonly folders: Map<string, Folder>;
  readonly faults: MailboxFaults;
  readonly capabilities: readonly string[];
  readonly user: string;
  readonly password: string;
  token: string | null;
  readonly commands: string[];
  readonly clients: Set<Client>;
}

interface Client {
  readonly socket: Socket;
  authenticated: boolean;
  named: boolean;
  selected: Folder | null;
  /** Mails it has been told of. */
  known: number;
  /** AUTHENTICATE that waits for its response. */
  awaiting: { readonly tag: string; readonly mechanism: string } | null;
  /** Tag of the IDLE under way. */
  idling: string | null;
}

const USUAL = ['ID', 'IDLE', 'UIDPLUS', 'SASL-IR', 'AUTH=PLAIN', 'AUTH=XOAUTH2', 'LITERAL+'];
let validities = 1000;

const newFolder = (): Folder => ({ validity: ++validities, next: 1, mails: [] });

/** Starts a server with one account and an empty INBOX on a free port of this machine. */
export async function startMailboxSimulator(options: MailboxSimulatorOptions = {}): Promise<MailboxSimulator> {
  const world: World = {
    folders: new Map([['INBOX', { ...newFolder(), ...(options.validity && { validity: options.validity }) }]]),
    faults: {
      login: null,
      down: false,
      refuseKeywords: false,
      wantsId: false,
      broken: new Set(),
      vanishing: new Set(),
      cutAfterBodies: null,
    },
    capabilities: options.capabilities ?? USUAL,
    user: options.user ?? 'szxx@example.cn',
    password: options.password ?? 'app-password',
    token: options.accessToken ?? null,
    commands: [],
    clients: new Set(),
  };
  let connections = 0;
  const greet = (socket: Socket) => {
    connections++;
    serve(world, socket);
  };
  const server = options.tls === undefined ? createServer(greet) : createTlsServer(options.tls, greet);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  const drop = () => {
    for (const { socket } of world.clients) socket.destroy();
  };
  return {
    host: '127.0.0.1',
    port: address.port,
    ...controls(world),
    get connections() {
      return connections;
    },
    drop,
    async stop() {
      server.close();
      drop();
      await once(server, 'close');
    },
  };
}

function controls(world: World) {
  const folderOf = (name = 'INBOX'): Folder => {
    const folder = world.folders.get(name) ?? newFolder();
    world.folders.set(name, folder);
    return folder;
  };
  return {
    user: world.user,
    password: world.password,
    faults: world.faults,
    commands: world.commands,
    add(mail: string | Uint8Array, to: { readonly folder?: string; readonly receivedAt?: Date } = {}): number {
      const folder = folderOf(to.folder);
      const uid = deliver(folder, Buffer.from(mail), to.receivedAt ?? new Date(), new Set());
      announce(world, folder);
      return uid;
    },
    mails: (folder?: string) => folderOf(folder).mails,
    flags: (uid: number, folder?: string) => folderOf(folder).mails.find(mail => mail.uid === uid)?.flags ?? new Set(),
    renumber(name = 'INBOX'): void {
      const old = folderOf(name);
      const folder = newFolder();
      for (const { bytes, receivedAt } of old.mails) deliver(folder, bytes, receivedAt, new Set());
      world.folders.set(name, folder);
    },
    putBack(uid: number): void {
      const { validity, mails } = folderOf();
      const kept = mails.filter(mail => mail.uid <= uid);
      world.folders.set('INBOX', { validity, next: uid + 1, mails: kept });
    },
    remove: (name: string) => void world.folders.delete(name),
    accessToken(token: string): void {
      world.token = token;
    },
  };
}

function deliver(folder: Folder, bytes: Buffer, receivedAt: Date, flags: Set<string>): number {
  const uid = folder.next++;
  folder.mails.push({ uid, bytes, receivedAt, flags });
  return uid;
}

function announce(world: World, folder: Folder): void {
  for (const client of world.clients) {
    if (client.selected !== folder || client.idling === null) continue;
    tellCount(client);
  }
}

function tellCount(client: Client): void {
  const count = client.selected?.mails.length ?? 0;
  if (count === client.known) return;
  client.known = count;
  client.socket.write(`* ${count} EXISTS\r\n`);
}

function serve(world: World, socket: Socket): void {
  if (world.faults.down) return void socket.destroy();
  const client: Client = {
    socket,
    authenticated: false,
    named: false,
    selected: null,
    known: 0,
    awaiting: null,
    idling: null,
  };
  world.clients.add(client);
  socket.setNoDelay(true);
  socket.on('close', () => world.clients.delete(client));
  // A client that goes away in the middle of an answer.
  socket.on('error', () => world.clients.delete(client));
  socket.write(`* OK [CAPABILITY ${capabilities(world)}] simulator ready\r\n`);
  imapLines(socket, words => command(world, client, words));
}

function capabilities({ capabilities: named }: World): string {
  return ['IMAP4rev1', ...named].join(' ');
}

type Command = (world: World, client: Client, tag: string, args: readonly ImapWord[]) => string;

const BEFORE_LOGIN: Readonly<Record<string, Command>> = {
  CAPABILITY: (world, { socket }) => {
    socket.write(`* CAPABILITY ${capabilities(world)}\r\n`);
    return 'OK done';
  },
  NOOP: (_world, client) => {
    tellCount(client);
    return 'OK done';
  },
  ID: (_world, client) => {
    client.named = true;
    client.socket.write('* ID ("name" "simulator" "version" "1")\r\n');
    return 'OK done';
  },
  LOGOUT: (_world, { socket }) => {
    socket.write('* BYE until later\r\n');
    return 'OK done';
  },
  LOGIN: (world, client, _tag, [user, password]) =>
    logIn(world, client, user === world.user && password === world.password),
  AUTHENTICATE: (world, client, tag, [mechanism, response]) => {
    if (response !== undefined) return authenticate(world, client, String(mechanism), response);
    client.awaiting = { tag, mechanism: String(mechanism) };
    client.socket.write('+ \r\n');
    return '';
  },
};

function authenticate(world: World, client: Client, mechanism: string, response: ImapWord): string {
  const given = Buffer.from(String(response), 'base64').toString();
  if (mechanism.toUpperCase() === 'PLAIN') return logIn(world, client, given === `\0${world.user}\0${world.password}`);
  const expected = `user=${world.user}\x01auth=Bearer ${world.token}\x01\x01`;
  return logIn(world, client, world.token !== null && given === expected);
}

function logIn({ faults }: World, client: Client, right: boolean): string {
  if (faults.login?.status === 'NO') return `NO ${faults.login.text}`;
  if (faults.login?.status === 'BYE') {
    client.socket.end(`* BYE ${faults.login.text}\r\n`);
    return '';
  }
  client.authenticated = right;
  return right ? 'OK logged in' : 'NO [AUTHENTICATIONFAILED] Authentication failed.';
}

const AFTER_LOGIN: Readonly<Record<string, Command>> = {
  NAMESPACE: (_world, { socket }) => {
    socket.write('* NAMESPACE (("" "/")) NIL NIL\r\n');
    return 'OK done';
  },
  LIST: (world, { socket }, _tag, [, pattern]) => {
    for (const name of world.folders.keys()) {
      if (['*', '%', name].includes(decodeFolder(String(pattern)))) {
        socket.write(`* LIST () "/" "${encodeFolder(name)}"\r\n`);
      }
    }
    return 'OK done';
  },
  SELECT: select,
  EXAMINE: select,
  STATUS: (world, { socket }, _tag, [name]) => {
    const folder = world.folders.get(decodeFolder(String(name)));
    if (folder === undefined) return 'NO [NONEXISTENT] no such folder';
    const { next, validity, mails } = folder;
    socket.write(`* STATUS "${String(name)}" (MESSAGES ${mails.length} UIDNEXT ${next} UIDVALIDITY ${validity})\r\n`);
    return 'OK done';
  },
  APPEND: (world, _client, _tag, args) => {
    const folder = world.folders.get(decodeFolder(String(args[0])));
    if (folder === undefined) return 'NO [TRYCREATE] no such folder';
    const flags = args.find(Array.isArray) ?? [];
    const uid = deliver(folder, Buffer.from(args.at(-1) as Buffer), new Date(), new Set(flags.map(String)));
    announce(world, folder);
    return `OK [APPENDUID ${folder.validity} ${uid}] done`;
  },
  IDLE: (_world, client, tag) => {
    client.idling = tag;
    client.socket.write('+ idling\r\n');
    tellCount(client);
    return '';
  },
  UID: (world, client, tag, [name, ...args]) => {
    const verb = UID_COMMANDS[String(name).toUpperCase()];
    return verb === undefined || client.selected === null ? 'BAD not now' : verb(world, client, tag, args);
  },
};

function select(world: World, client: Client, _tag: string, [name]: readonly ImapWord[]): string {
  if (world.faults.wantsId && !client.named) {
    return 'NO SELECT Unsafe Login. Please contact kefu@188.com for help';
  }
  const folder = world.folders.get(decodeFolder(String(name)));
  client.selected = folder ?? null;
  if (folder === undefined) return 'NO [NONEXISTENT] no such folder';
  client.known = folder.mails.length;
  const keywords = world.faults.refuseKeywords ? '' : ' \\*';
  client.socket.write(
    [
      '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)',
      `* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft${keywords})] kept`,
      `* ${folder.mails.length} EXISTS`,
      '* 0 RECENT',
      `* OK [UIDVALIDITY ${folder.validity}] valid`,
      `* OK [UIDNEXT ${folder.next}] next\r\n`,
    ].join('\r\n'),
  );
  return 'OK [READ-WRITE] selected';
}

const UID_COMMANDS: Readonly<Record<string, Command>> = {
  SEARCH: (_world, { socket, selected }, _tag, terms) => {
    const found = (selected?.mails ?? []).filter(matcher(terms, selected as Folder));
    socket.write(`* SEARCH${found.map(({ uid }) => ` ${uid}`).join('')}\r\n`);
    return 'OK done';
  },
  FETCH: (world, client, _tag, [range, items]) => {
    const folder = client.selected as Folder;
    const wanted = (Array.isArray(items) ? items : [items]).map(String);
    for (const mail of inRange(folder, String(range))) {
      const answer = fetched(world, folder, mail, wanted);
      if (answer === 'cut') {
        client.socket.destroy();
        return '';
      }
      if (answer === 'refused') return 'NO [SERVERBUG] this mail cannot be read';
      if (answer !== null) client.socket.write(answer);
    }
    return 'OK done';
  },
  STORE: (world, client, _tag, [range, operation, flags]) => {
    const named = (Array.isArray(flags) ? flags : [flags]).map(String);
    if (world.faults.refuseKeywords && named.some(flag => !flag.startsWith('\\'))) return 'NO no keywords here';
    for (const mail of inRange(client.selected as Folder, String(range))) {
      for (const flag of named) {
        if (String(operation).startsWith('-')) mail.flags.delete(flag);
        else mail.flags.add(flag);
      }
    }
    return 'OK done';
  },
};

function inRange(folder: Folder, range: string): readonly SimulatedMail[] {
  return folder.mails.filter(({ uid }) => includes(folder, range, uid));
}

/** `*` is the last mail, and `9:*` holds it even where it is less than 9 (RFC 3501, section 6.4.8). */
function includes({ mails }: Folder, range: string, uid: number): boolean {
  const last = mails.at(-1)?.uid ?? 0;
  return range.split(',').some(part => {
    const [from, to] = part.split(':').map(end => (end === '*' ? last : Number(end))) as [number, number?];
    const other = to ?? from;
    return uid >= Math.min(from, other) && uid <= Math.max(from, other);
  });
}

function matcher(terms: readonly ImapWord[], folder: Folder): (mail: SimulatedMail) => boolean {
  const tests: ((mail: SimulatedMail) => boolean)[] = [];
  for (let at = 0; at < terms.length; at++) {
    const word = String(terms[at]).toUpperCase();
    if (word === 'ALL') continue;
    const value = String(terms[++at]);
    if (word === 'UID') tests.push(({ uid }) => includes(folder, value, uid));
    else if (word === 'UNKEYWORD') tests.push(({ flags }) => !flags.has(value));
    else if (word === 'SINCE') tests.push(({ receivedAt }) => receivedAt >= new Date(`${value} 00:00:00Z`));
    else throw new Error(`the simulator does not know SEARCH ${word}`);
  }
  return mail => tests.every(test => test(mail));
}

const PARTIAL = /^BODY\.PEEK\[\](?:<(\d+)\.(\d+)>)?$/;

function fetched(
  { faults }: World,
  folder: Folder,
  mail: SimulatedMail,
  items: readonly string[],
): Buffer | 'cut' | 'refused' | null {
  const facts = [`UID ${mail.uid}`];
  if (items.includes('FLAGS')) facts.push(`FLAGS (${[...mail.flags].join(' ')})`);
  if (items.includes('RFC822.SIZE')) facts.push(`RFC822.SIZE ${mail.bytes.length}`);
  if (items.includes('INTERNALDATE')) facts.push(`INTERNALDATE "${imapDate(mail.receivedAt)}"`);
  const head = `* ${folder.mails.indexOf(mail) + 1} FETCH (${facts.join(' ')}`;
  const body = items.map(item => PARTIAL.exec(item)).find(match => match !== null);
  if (body === undefined || body === null) return Buffer.from(`${head})\r\n`);
  if (faults.vanishing.has(mail.uid)) {
    folder.mails.splice(folder.mails.indexOf(mail), 1);
    return null;
  }
  if (faults.broken.has(mail.uid)) return 'refused';
  if (faults.cutAfterBodies !== null && faults.cutAfterBodies-- <= 0) {
    faults.cutAfterBodies = null;
    return 'cut';
  }
  const [, start, length] = body;
  const bytes = start === undefined ? mail.bytes : mail.bytes.subarray(Number(start), Number(start) + Number(length));
  const name = start === undefined ? 'BODY[]' : `BODY[]<${start}>`;
  return Buffer.concat([Buffer.from(`${head} ${name} {${bytes.length}}\r\n`), bytes, Buffer.from(')\r\n')]);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function imapDate(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  return `${two(date.getUTCDate())}-${MONTHS[date.getUTCMonth()]}-${date.getUTCFullYear()} ${time} +0000`;
}

const SECRET = /^(LOGIN|AUTHENTICATE)$/i;

function command(world: World, client: Client, words: readonly ImapWord[]): void {
  if (client.idling !== null) {
    if (String(words[0]).toUpperCase() !== 'DONE') return;
    client.socket.write(`${client.idling} OK idle ended\r\n`);
    client.idling = null;
    return;
  }
  if (client.awaiting !== null) {
    const { tag, mechanism } = client.awaiting;
    client.awaiting = null;
    client.socket.write(`${tag} ${authenticate(world, client, mechanism, words[0] ?? '')}\r\n`);
    return;
  }
  const [tag, name, ...args] = words;
  const verb = String(name ?? '').toUpperCase();
  const shown = SECRET.test(verb) ? [] : args.map(arg => (Buffer.isBuffer(arg) ? `{${arg.length}}` : shownWord(arg)));
  world.commands.push([verb, ...shown].join(' '));
  const known = BEFORE_LOGIN[verb] ?? (client.authenticated ? AFTER_LOGIN[verb] : undefined);
  const answer = known === undefined ? 'BAD unknown command' : known(world, client, String(tag), args);
  if (answer === '' || client.socket.destroyed) return;
  client.socket.write(`${tag} ${answer}\r\n`);
  if (verb === 'LOGOUT') client.socket.end();
}

function shownWord(word: ImapWord): string {
  return Array.isArray(word) ? `(${word.map(shownWord).join(' ')})` : String(word);
}
