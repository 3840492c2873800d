// The version of stave itself: put in by the bundler, absent when the sources run as they are (tests).

declare const STAVE_VERSION: string | undefined;

export const VERSION: string = typeof STAVE_VERSION === 'string' ? STAVE_VERSION : '0.0.0-source';
