// Incidents: which one a message belongs to, when one is supervised, and when it rises faster than usual.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { loadIncidents } from '../../config/load-incidents.ts';
import { burstOf, burstSpans, chooseIncident, type IncidentWitness, supervisionOf } from '../../normalizer/incident.ts';

const rules = loadIncidents(join(import.meta.dirname, '../../config/rules'));
const DAY = 86_400_000;

const ticket = (number: string, incident: string | null, agrees = true): IncidentWitness => ({
  ...{ number, incident, agrees },
  score: agrees ? 0.95 : 0.1,
});

describe('choosing an incident', () => {
  it('takes that of the likest ticket, and a ticket without one begins one', () => {
    const near = [ticket('B', 'A'), ticket('C', null)];
    assert.deepEqual(chooseIncident(near, near, 0.5), { incident: 'A', gathers: ['C'], refused: new Set() });
    const alone = [ticket('C', null), ticket('D', null)];
    assert.deepEqual(chooseIncident(alone, alone, 0.5), { incident: 'C', gathers: ['C', 'D'], refused: new Set() });
    assert.deepEqual(chooseIncident([], [ticket('B', 'A', false)], 0.5).incident, null);
  });

  it('leaves an incident of which only one ticket is alike, and takes the next that agrees', () => {
    const near = [ticket('Z9', 'Z'), ticket('B', 'A')];
    const compared = [...near, ticket('Z', 'Z', false), ticket('Z1', 'Z', false), ticket('A', 'A')];
    const choice = chooseIncident(near, compared, 0.5);
    assert.equal(choice.incident, 'A');
    assert.deepEqual([...choice.refused], ['Z']);
  });

  it('does not run away: a chain of messages, each like the one before only, ends where the beginning is forgotten', () => {
    // Message n is like n-1 and nothing else; each is compared with the one before and with the first of its incident.
    const incidents: (string | null)[] = [null];
    for (let n = 1; n < 200; n++) {
      const before = ticket(String(n - 1), incidents[n - 1] ?? null);
      const lead = incidents[n - 1] ?? String(n - 1);
      const first = lead === before.number ? [] : [ticket(lead, lead, false)];
      const { incident } = chooseIncident([before], [before, ...first], 0.6);
      incidents[n] = incident;
      if (incident === String(n - 1)) incidents[n - 1] = incident;
    }
    const sizes = [...Map.groupBy(incidents, incident => incident)].map(([id, all]) => (id === null ? 1 : all.length));
    assert.ok(Math.max(...sizes) <= 2, `the largest holds ${Math.max(...sizes)}`);
  });
});

describe('supervision', () => {
  const figures = { tickets: 2, messages: 2, firstAt: Date.UTC(2026, 0, 31, 2), lastAt: Date.UTC(2026, 1, 2) };
  const { supervise } = rules;
  const cases: readonly (readonly [string, Parameters<typeof supervisionOf>[0], readonly string[]])[] = [
    ['two people, twice, in three days: none', figures, []],
    [
      'many people (article 18 (2))',
      { ...figures, tickets: supervise.tickets, messages: supervise.tickets },
      ['people'],
    ],
    ['one fewer: none', { ...figures, tickets: supervise.tickets - 1 }, []],
    ['one person, many times (article 18 (2))', { ...figures, tickets: 1, messages: supervise.messages }, ['times']],
    [
      'for three months to the day (article 29 (7)); April has no 31st',
      { ...figures, lastAt: Date.UTC(2026, 3, 30, 2) },
      ['months'],
    ],
    ['for three months but a minute', { ...figures, lastAt: Date.UTC(2026, 3, 30, 2) - 60_000 }, []],
    [
      'all of it',
      { tickets: supervise.tickets, messages: supervise.messages, firstAt: 0, lastAt: 400 * DAY },
      ['people', 'times', 'months'],
    ],
    ['one message has no age', { tickets: 1, messages: 1, firstAt: 0, lastAt: 400 * DAY }, []],
  ];
  for (const [title, given, expected] of cases) {
    it(title, () => assert.deepEqual(supervisionOf(given, rules), expected));
  }

  it('counts months by the calendar of China, not of Greenwich', () => {
    // 31 January 23:30 in Greenwich is 1 February there: three months end on 1 May at 07:30.
    const firstAt = Date.UTC(2026, 0, 31, 23, 30);
    const at = (lastAt: number) => supervisionOf({ tickets: 1, messages: 2, firstAt, lastAt }, rules);
    assert.deepEqual(at(Date.UTC(2026, 3, 30, 23, 29)), []);
    assert.deepEqual(at(Date.UTC(2026, 3, 30, 23, 30)), ['months']);
  });
});

describe('a burst', () => {
  const { burst } = rules;
  const usual = (perDay: number) => perDay * burst.usualDays;

  it('is seen where an incident that has just begun reaches the least number', () => {
    assert.equal(burstOf({ recent: burst.atLeast - 1, before: 0 }, burst), null);
    assert.deepEqual(burstOf({ recent: burst.atLeast, before: 0 }, burst), { tickets: burst.atLeast, usual: 0 });
  });

  it('is seen against its own usual rate: what is a burst for one is every day for another', () => {
    assert.equal(burstOf({ recent: 12, before: usual(8) }, burst), null);
    assert.deepEqual(burstOf({ recent: 12, before: usual(2) }, burst), { tickets: 12, usual: 2 });
    assert.equal(burstOf({ recent: burst.times * 4 - 1, before: usual(4) }, burst), null);
    assert.ok(burstOf({ recent: burst.times * 4, before: usual(4) }, burst));
  });

  it('looks at the last hours and, apart from them, at the days before', () => {
    const spans = burstSpans(burst, 1_000 * DAY);
    assert.deepEqual(
      [spans.recent, spans.from],
      [1_000 * DAY - burst.hours * 3_600_000, spans.recent - burst.usualDays * DAY],
    );
  });
});
