// Written by scripts/generate.mjs from cpp/src/ops and cpp/bindings/contract.h: do not change it by hand.

/** What names an object inside the module: its address. 0 as a result means that the call failed, as an argument "none". */
export type Handle = number;

/** Numbers in the exchange buffer. */
export const EXCHANGE_LENGTH = 1024;
/** The error's number after which nothing of a module can be used. */
export const FATAL = -1;
/** The kernel that the library chooses. */
export const AUTO_KERNEL = -1;
/** The most axes a tensor has. */
export const MAX_RANK = 8;

// Words in the order of their numbers in the module.
export const DTYPES = ['float32', 'float64', 'int32', 'uint8'] as const;
/** The number 0 is an exception that is not the library's, 1 the first of these. */
export const ERROR_CODES = [
  'invalid_argument',
  'shape',
  'dtype',
  'unknown_kernel',
  'kernel_unavailable',
  'overflow',
  'out_of_memory',
  'autograd',
  'io',
] as const;
export const REDUCTIONS = ['mean', 'sum'] as const;
export const LOSSES = ['cross_entropy', 'mse', 'binary_cross_entropy'] as const;
export const SCHEDULES = ['constant', 'step', 'cosine'] as const;
export const CONFUSIONS = ['where_small', 'always', 'never'] as const;
export const INITS = ['kaiming_uniform', 'kaiming_normal', 'xavier_uniform', 'xavier_normal'] as const;
/** The ladder of matrix products, slow to fast, those that a build lacks included. */
export const KERNELS = [
  'naive',
  'reordered',
  'blocked',
  'eigen',
  'packed',
  'simd',
  'relaxed',
  'threaded',
] as const;
/** What a function of the module gives. */
export const GIVES = ['number', 'truth', 'text'] as const;

/** Numbers that cross together, by their names, in their order in the exchange buffer. */
export const RECORDS = {
  array: ['address', 'count'],
  batch: ['features', 'labels'],
  memory: ['storages', 'bytes', 'peakBytes', 'pooledBytes'],
  profile: ['count', 'wallMs'],
  profileRow: ['calls', 'totalMs', 'selfMs', 'share', 'flops'],
  summaryRow: ['parameters', 'flops', 'bytes', 'ndim'],
  gradientRow: ['mean', 'norm', 'largest', 'zeros'],
  trainOptions: [
    'epochs',
    'loss',
    'clipNorm',
    'accumulate',
    'schedule',
    'scheduleEvery',
    'scheduleFactor',
    'scheduleLowest',
    'warmup',
    'patience',
  ],
  progress: [
    'epoch',
    'epochs',
    'batch',
    'batches',
    'steps',
    'loss',
    'accuracy',
    'epochLoss',
    'epochAccuracy',
    'samplesPerSecond',
    'seconds',
    'secondsLeft',
    'epochEnded',
    'finished',
    'stoppedEarly',
  ],
  evaluatorStep: ['isMore', 'done'],
  evaluation: ['loss', 'accuracy', 'samples', 'predictionsAt', 'predictionCount', 'confusionAt', 'classes'],
} as const;
