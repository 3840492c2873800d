// From a request to its answer: who may, which endpoint, which repository (distribution spec, "Endpoints").

import type { Action, Authorization, Permission } from './authorization.ts';
import { answerBlobDelete, answerBlobGet } from './blob-requests.ts';
import type { Answer, Handler, RegistryRequest } from './exchange.ts';
import { answerReferrers, answerTagsList } from './listing-requests.ts';
import { answerManifestDelete, answerManifestGet, answerManifestPut, type ManifestPlace } from './manifest-requests.ts';
import { Manifests } from './manifests.ts';
import { RegistryError } from './registry-error.ts';
import type { RegistryFolder } from './registry-folder.ts';
import { isRepositoryName, type Route } from './route.ts';
import {
  answerUploadDelete,
  answerUploadPatch,
  answerUploadPost,
  answerUploadPut,
  uploadAnswer,
} from './upload-requests.ts';
import { Uploads } from './uploads.ts';

export interface HandlerRules {
  readonly readOnly: boolean;
  readonly referrersApi: boolean;
  readonly authorization: Authorization | undefined;
}

type NamedRoute = Extract<Route, { readonly name: string }>;

interface Place extends ManifestPlace {
  readonly mayPull: (name: string) => boolean;
}

const READING_METHODS: readonly string[] = ['GET', 'HEAD'];

/** Methods of each endpoint, for 405 answers. */
const METHODS: Readonly<Record<Route['kind'], readonly string[]>> = {
  base: READING_METHODS,
  blob: [...READING_METHODS, 'DELETE'],
  uploads: ['POST'],
  upload: ['GET', 'PATCH', 'PUT', 'DELETE'],
  manifest: [...READING_METHODS, 'PUT', 'DELETE'],
  tags: READING_METHODS,
  referrers: READING_METHODS,
  unknown: READING_METHODS,
};

/** RegistryErrors pass through; whoever calls makes answers of them. */
export function createRequestHandler(folder: RegistryFolder, rules: HandlerRules): Handler {
  const uploads = new Uploads(folder);
  const locks = new Map<string, Promise<unknown>>();

  /** One after the other for a repository: what a manifest names must not go while it is being checked. */
  function locked<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (locks.get(name) ?? Promise.resolve()).then(work);
    const done = turn.then(
      () => {},
      () => {},
    );
    locks.set(name, done);
    void done.then(() => {
      if (locks.get(name) === done) locks.delete(name);
    });
    return turn;
  }

  return async (request) => {
    const { route, method } = request;
    const token = await rules.authorization?.answerToken(request);
    if (token !== undefined) return token;
    checkMethod(request, rules.readOnly);
    if (route.kind === 'unknown') throw new RegistryError('UNSUPPORTED', 'there is nothing here', { status: 404 });
    if (route.kind === 'base') {
      rules.authorization?.permissionOf(request, undefined, 'pull');
      return { status: 200, headers: BASE_HEADERS, body: Buffer.from('{}') };
    }
    checkName(route.name);
    const permission = rules.authorization?.permissionOf(request, route.name, actionOf(route, method));
    const repository = folder.repository(route.name);
    const place: Place = {
      repository,
      manifests: new Manifests(folder, repository),
      locked: (work) => locked(route.name, work),
      mayPull: mayPull(permission),
    };
    switch (route.kind) {
      case 'uploads':
      case 'upload':
        return await answerUpload(route, place, request);
      case 'blob':
        if (method !== 'DELETE') return await answerBlobGet(folder, repository, route.digest, request);
        return await place.locked(() => answerBlobDelete(repository, route.digest));
      case 'manifest':
        return await answerManifest(route, place, request);
      default:
        return await answerList(route, place, request);
    }
  };

  async function answerUpload(
    route: Extract<Route, { kind: 'uploads' | 'upload' }>,
    { repository, mayPull }: Place,
    request: RegistryRequest,
  ): Promise<Answer> {
    if (route.kind === 'uploads') {
      const mounting = { mayPull, fromAnywhere: rules.authorization === undefined };
      return await answerUploadPost(folder, uploads, repository, mounting, request);
    }
    const upload = await uploads.find(repository, route.id, Date.now());
    switch (request.method) {
      case 'PATCH':
        return await answerUploadPatch(upload, request);
      case 'PUT':
        return await answerUploadPut(uploads, upload, request);
      case 'DELETE':
        return await answerUploadDelete(uploads, upload);
      default:
        return uploadAnswer(204, upload);
    }
  }

  async function answerManifest(
    { reference }: Extract<Route, { kind: 'manifest' }>,
    place: Place,
    request: RegistryRequest,
  ): Promise<Answer> {
    switch (request.method) {
      case 'PUT':
        return await answerManifestPut(place, reference, rules.referrersApi, request);
      case 'DELETE':
        return await place.locked(() => answerManifestDelete(place.manifests, reference));
      default:
        return await answerManifestGet(place.manifests, reference, request);
    }
  }

  async function answerList(
    route: Extract<Route, { kind: 'tags' | 'referrers' }>,
    { manifests }: Place,
    request: RegistryRequest,
  ): Promise<Answer> {
    if (route.kind === 'referrers' && rules.referrersApi) {
      return await answerReferrers(route.name, manifests, route.digest, request);
    }
    if (route.kind === 'referrers') throw new RegistryError('UNSUPPORTED', 'there is nothing here', { status: 404 });
    if (!folder.knows(route.name)) throw new RegistryError('NAME_UNKNOWN', 'there is no such repository');
    return await answerTagsList(route.name, manifests, request.query);
  }
}

/** Asked for by older clients before they believe that this is a registry. */
const BASE_HEADERS = { 'content-type': 'application/json', 'docker-distribution-api-version': 'registry/2.0' };

/** RegistryError UNSUPPORTED, DENIED. */
function checkMethod({ method, route, headers }: RegistryRequest, readOnly: boolean): void {
  const allowed = METHODS[route.kind].filter((each) => !readOnly || READING_METHODS.includes(each));
  if (!allowed.includes(method)) {
    const sentence =
      readOnly && METHODS[route.kind].includes(method) ? 'this registry is read-only' : `no ${method} here`;
    throw new RegistryError('UNSUPPORTED', sentence, { headers: { allow: allowed.join(', ') } });
  }
  // No registry client sends Origin; a browser does, whatever page made it write to a server of this machine.
  if (!READING_METHODS.includes(method) && headers.origin !== undefined) {
    throw new RegistryError('DENIED', 'pages in a browser may not write here');
  }
}

/** RegistryError NAME_INVALID. */
function checkName(name: string): void {
  if (isRepositoryName(name)) return;
  throw new RegistryError('NAME_INVALID', 'that is not a repository name', { detail: { name: name.slice(0, 300) } });
}

function actionOf(route: NamedRoute, method: string): Action {
  if (route.kind === 'upload' || route.kind === 'uploads') return 'push';
  return method === 'DELETE' ? 'delete' : method === 'PUT' ? 'push' : 'pull';
}

function mayPull(permission: Permission | undefined): (name: string) => boolean {
  return permission === undefined ? () => true : (name) => permission(name, 'pull');
}
