// How far the places and subjects of two appeals agree, from their keys.
import { AT } from './features.ts';
import { AREA, CITY_SHIFT, DISTRICT_KIND, HEADLINE_KIND, KIND_MASK, SCENE, TOPIC, WITHIN_CITY } from './place-keys.ts';

/** A city that is named agrees with every district of it. */
function writeDistricts(a: Uint32Array, b: Uint32Array, into: Float64Array): void {
  const all = shared(a, b, DISTRICT_KIND, DISTRICT_KIND);
  const titles = shared(a, b, HEADLINE_KIND, HEADLINE_KIND);
  const strays = shared(a, b, HEADLINE_KIND, DISTRICT_KIND).stray || shared(b, a, HEADLINE_KIND, DISTRICT_KIND).stray;
  into[AT.districtSame] = all.same ? 1 : 0;
  into[AT.districtOther] = all.districtInA && all.districtInB && !all.same ? 1 : 0;
  // A title names a district that the other appeal does not.
  into[AT.districtStray] = strays ? 1 : 0;
  into[AT.titleDistrictSame] = titles.same ? 1 : 0;
  into[AT.titleDistrictOther] = titles.districtInA && titles.districtInB && !titles.same ? 1 : 0;
  into[AT.cityOther] = all.city ? 0 : 1;
}

/** Keys of one kind in `a` and of another in `b`: whether there are any, and of districts; whether a city or a district is
 *  in both; and whether there is a district in `a` that `b`, which names some, does not. */
function shared(a: Uint32Array, b: Uint32Array, kindA: number, kindB: number) {
  const found = {
    inA: false,
    inB: false,
    districtInA: false,
    districtInB: false,
    city: false,
    same: false,
    stray: false,
  };
  for (let j = 0; j < b.length; j++) {
    if ((b[j]! & KIND_MASK) !== kindB) continue;
    found.inB = true;
    if ((b[j]! & WITHIN_CITY) !== 0) found.districtInB = true;
  }
  for (let i = 0; i < a.length; i++) {
    const key = a[i]!;
    if ((key & KIND_MASK) !== kindA) continue;
    found.inA = true;
    const within = (key & WITHIN_CITY) !== 0;
    let known = false;
    for (let j = 0; j < b.length; j++) {
      if ((b[j]! & KIND_MASK) !== kindB) continue;
      if ((b[j]! ^ key) >>> CITY_SHIFT === 0) found.city = true;
      if (within && ((b[j]! ^ key) & ~KIND_MASK) === 0) known = true;
    }
    if (within) found.districtInA = true;
    if (known) found.same = true;
    else if (within && found.districtInB) found.stray = true;
  }
  return found;
}

/** The kinds of key there are, one bit each. */
export function kindsOf(keys: Uint32Array): number {
  let kinds = 0;
  for (let i = 0; i < keys.length; i++) kinds |= 1 << (keys[i]! & KIND_MASK);
  return kinds;
}

/** Kinds of name that both give and agree on, of the kinds both give; and on which they name different things. */
export function writePlaces(a: Uint32Array, b: Uint32Array, inA: number, into: Float64Array): void {
  let inB = 0;
  let agreed = 0;
  for (let j = 0; j < b.length; j++) {
    const kind = 1 << (b[j]! & KIND_MASK);
    inB |= kind;
    if ((inA & kind) !== 0 && has(a, b[j]!)) agreed |= kind;
  }
  const both = inA & inB;
  if (both === 0) return;
  const apart = both & ~agreed;
  const scene = Math.max(1, bits(both & SCENE));
  into[AT.placeSame] = bits(agreed & SCENE) / scene;
  into[AT.placeOther] = bits(apart & SCENE) / scene;
  into[AT.areaOther] = (apart & AREA) === 0 ? 0 : 1;
  into[AT.topicSame] = (agreed & TOPIC) === 0 ? 0 : 1;
  into[AT.topicOther] = (apart & TOPIC) === 0 ? 0 : 1;
  if ((both & (1 << DISTRICT_KIND)) !== 0) writeDistricts(a, b, into);
}

function has(keys: Uint32Array, key: number): boolean {
  for (let i = 0; i < keys.length; i++) if (keys[i] === key) return true;
  return false;
}

function bits(set: number): number {
  return (set & 1) + ((set >> 1) & 1) + ((set >> 2) & 1) + ((set >> 3) & 1);
}
