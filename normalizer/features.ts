// The names of the figures by which two appeals are compared, and their order.

/** Names of the features, in the order in which a model's trees know them: new ones come last, so that a model of before
 *  knows its own still. All lie between 0 and 1. */
export const FEATURES = [
  'cosine',
  'rootCosine',
  'contained',
  'containedBoth',
  'shared',
  'rare',
  'strongest',
  'names',
  'namesShared',
  'everyday',
  'titleCosine',
  'titleFound',
  'titleFoundBoth',
  'topics',
  'titleTopics',
  'crossedTopics',
  'brief',
  'exact',
  'placeSame',
  'placeOther',
  'areaOther',
  'topicSame',
  'topicOther',
  'divisionSame',
  'divisionOther',
  'districtSame',
  'districtOther',
  'districtStray',
  'titleDistrictSame',
  'titleDistrictOther',
  'cityOther',
  'sameRequester',
  'days',
  'ownDays',
  'pastYear',
  'lengthRatio',
  'shorter',
  'longer',
  'namesFound',
  'namesFoundBoth',
  'titleNamesFound',
  'titleNamesFoundBoth',
  'titleEverydayFound',
  'titleEverydayFoundBoth',
  'titleRuns',
  'titleRunsBoth',
] as const;
export type Feature = (typeof FEATURES)[number];
export type Features = Readonly<Record<Feature, number>>;

/** Place of each feature in a list of them. */
export const AT = Object.fromEntries(FEATURES.map((name, place) => [name, place])) as Readonly<Record<Feature, number>>;
