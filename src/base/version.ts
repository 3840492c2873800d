// The version of stave itself, and of the very sources: put in by the bundler, absent when the sources run as they are (tests).

declare const STAVE_VERSION: string | undefined;
declare const STAVE_SOURCES: string | undefined;

export const VERSION: string = typeof STAVE_VERSION === 'string' ? STAVE_VERSION : '0.0.0-source';

/** Digest of the sources that this was built from: what an older stave remembers of its results is no result of this one. */
export const SOURCES: string = typeof STAVE_SOURCES === 'string' ? STAVE_SOURCES : 'source';
