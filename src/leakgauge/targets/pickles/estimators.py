"""Every estimator that a model file may hold, by what compiled code takes for granted of it.

This is the one list of them: the allow list of pickles and the table of checks are made of it, so
that nothing can be allowed without a word on what is checked. `sklearn.checks` has the checks.
"""

from __future__ import annotations

from collections.abc import Mapping

ESTIMATORS: Mapping[str, Mapping[str, str]] = {
    "tree": {
        "sklearn.tree._classes": (
            "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor"
        )
    },
    "forest": {
        "imblearn.ensemble._forest": "BalancedRandomForestClassifier",
        "sklearn.ensemble._forest": (
            "ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier RandomForestRegressor "
            "RandomTreesEmbedding"
        ),
    },
    "gradient_boosting": {"sklearn.ensemble._gb": "GradientBoostingClassifier GradientBoostingRegressor"},
    "hist_gradient_boosting": {
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": (
            "HistGradientBoostingClassifier HistGradientBoostingRegressor"
        )
    },
    "neighbours": {
        "sklearn.neighbors._classification": "KNeighborsClassifier RadiusNeighborsClassifier",
        "sklearn.neighbors._graph": "KNeighborsTransformer RadiusNeighborsTransformer",
        "sklearn.neighbors._regression": "KNeighborsRegressor RadiusNeighborsRegressor",
        "sklearn.neighbors._unsupervised": "NearestNeighbors",
    },
    "votes": {"sklearn.ensemble._voting": "VotingClassifier"},
    "support_vectors": {"sklearn.svm._classes": "NuSVC NuSVR SVC SVR"},
    "vectorizer": {
        "sklearn.feature_extraction._dict_vectorizer": "DictVectorizer",
        "sklearn.feature_extraction.text": "CountVectorizer TfidfVectorizer",
    },
    "hasher": {
        "sklearn.feature_extraction._hash": "FeatureHasher",
        "sklearn.feature_extraction.text": "HashingVectorizer",
    },
    "one_hot": {"sklearn.preprocessing._encoders": "OneHotEncoder"},
    "ordinal": {
        "sklearn.preprocessing._encoders": "OrdinalEncoder",
        "sklearn.preprocessing._target_encoder": "TargetEncoder",
    },
    "label_numbers": {"sklearn.preprocessing._label": "MultiLabelBinarizer"},
    "agglomeration": {"sklearn.cluster._agglomerative": "FeatureAgglomeration"},
    "centres": {
        "sklearn.cluster._bisect_k_means": "BisectingKMeans",
        "sklearn.cluster._kmeans": "KMeans MiniBatchKMeans",
    },
    "subclusters": {"sklearn.cluster._birch": "Birch"},
    "dictionary": {"sklearn.decomposition._dict_learning": "SparseCoder"},
    "components": {
        "sklearn.decomposition._dict_learning": "DictionaryLearning MiniBatchDictionaryLearning",
        "sklearn.decomposition._lda": "LatentDirichletAllocation",
        "sklearn.decomposition._nmf": "MiniBatchNMF NMF",
        "sklearn.decomposition._sparse_pca": "MiniBatchSparsePCA SparsePCA",
    },
    "sampler": {
        "imblearn.combine._smote_enn": "SMOTEENN",
        "imblearn.combine._smote_tomek": "SMOTETomek",
        "imblearn.over_sampling._adasyn": "ADASYN",
        "imblearn.over_sampling._random_over_sampler": "RandomOverSampler",
        "imblearn.over_sampling._smote.base": "SMOTE SMOTEN SMOTENC",
        "imblearn.over_sampling._smote.cluster": "KMeansSMOTE",
        "imblearn.over_sampling._smote.filter": "BorderlineSMOTE SVMSMOTE",
        "imblearn.under_sampling._prototype_generation._cluster_centroids": "ClusterCentroids",
        "imblearn.under_sampling._prototype_selection._condensed_nearest_neighbour": (
            "CondensedNearestNeighbour"
        ),
        "imblearn.under_sampling._prototype_selection._edited_nearest_neighbours": (
            "AllKNN EditedNearestNeighbours RepeatedEditedNearestNeighbours"
        ),
        "imblearn.under_sampling._prototype_selection._instance_hardness_threshold": (
            "InstanceHardnessThreshold"
        ),
        "imblearn.under_sampling._prototype_selection._nearmiss": "NearMiss",
        "imblearn.under_sampling._prototype_selection._neighbourhood_cleaning_rule": (
            "NeighbourhoodCleaningRule"
        ),
        "imblearn.under_sampling._prototype_selection._one_sided_selection": "OneSidedSelection",
        "imblearn.under_sampling._prototype_selection._random_under_sampler": "RandomUnderSampler",
        "imblearn.under_sampling._prototype_selection._tomek_links": "TomekLinks",
    },
    "polynomial": {"sklearn.preprocessing._polynomial": "PolynomialFeatures"},
    "handed_on": {
        "imblearn.ensemble._bagging": "BalancedBaggingClassifier",
        "imblearn.ensemble._easy_ensemble": "EasyEnsembleClassifier",
        "imblearn.ensemble._weight_boosting": "RUSBoostClassifier",
        "imblearn.pipeline": "Pipeline",
        "sklearn.calibration": "CalibratedClassifierCV",
        "sklearn.compose._column_transformer": "ColumnTransformer",
        "sklearn.compose._target": "TransformedTargetRegressor",
        "sklearn.ensemble._bagging": "BaggingClassifier BaggingRegressor",
        "sklearn.ensemble._hist_gradient_boosting.binning": "_BinMapper",
        "sklearn.ensemble._stacking": "StackingClassifier StackingRegressor",
        "sklearn.ensemble._voting": "VotingRegressor",
        "sklearn.ensemble._weight_boosting": "AdaBoostClassifier AdaBoostRegressor",
        "sklearn.feature_selection._from_model": "SelectFromModel",
        "sklearn.feature_selection._rfe": "RFE RFECV",
        "sklearn.feature_selection._sequential": "SequentialFeatureSelector",
        "sklearn.frozen._frozen": "FrozenEstimator",
        "sklearn.impute._iterative": "IterativeImputer",
        "sklearn.linear_model._ransac": "RANSACRegressor",
        "sklearn.manifold._isomap": "Isomap",
        "sklearn.manifold._locally_linear": "LocallyLinearEmbedding",
        "sklearn.model_selection._classification_threshold": (
            "FixedThresholdClassifier TunedThresholdClassifierCV"
        ),
        "sklearn.model_selection._search": "GridSearchCV RandomizedSearchCV",
        "sklearn.model_selection._search_successive_halving": "HalvingGridSearchCV HalvingRandomSearchCV",
        "sklearn.multiclass": "OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier",
        "sklearn.multioutput": "ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain",
        "sklearn.pipeline": "FeatureUnion Pipeline",
        "sklearn.preprocessing._discretization": "KBinsDiscretizer",
        "sklearn.preprocessing._function_transformer": "FunctionTransformer",
        "sklearn.semi_supervised._label_propagation": "LabelPropagation LabelSpreading",
        "sklearn.semi_supervised._self_training": "SelfTrainingClassifier",
    },
    "looked_up": {
        "sklearn.dummy": "DummyClassifier DummyRegressor",
        "sklearn.feature_selection._univariate_selection": (
            "GenericUnivariateSelect SelectFdr SelectFpr SelectFwe SelectKBest SelectPercentile"
        ),
        "sklearn.feature_selection._variance_threshold": "VarianceThreshold",
        "sklearn.impute._base": "MissingIndicator SimpleImputer",
        "sklearn.kernel_approximation": "PolynomialCountSketch",
        "sklearn.multiclass": "_ConstantPredictor",
        "sklearn.naive_bayes": "CategoricalNB",
        "sklearn.preprocessing._data": "QuantileTransformer",
        "sklearn.preprocessing._label": "LabelBinarizer LabelEncoder",
    },
    "rows_compared": {
        "sklearn.decomposition._kernel_pca": "KernelPCA",
        "sklearn.gaussian_process._gpc": "GaussianProcessClassifier _BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process._gpr": "GaussianProcessRegressor",
        "sklearn.impute._knn": "KNNImputer",
        "sklearn.kernel_approximation": "Nystroem",
        "sklearn.kernel_ridge": "KernelRidge",
        "sklearn.neighbors._nearest_centroid": "NearestCentroid",
    },
    "made_anew": {
        "sklearn.isotonic": "IsotonicRegression",
        "sklearn.preprocessing._polynomial": "SplineTransformer",
        "sklearn.random_projection": "SparseRandomProjection",
    },
    "arithmetic": {
        "sklearn.calibration": "_SigmoidCalibration _TemperatureScaling",
        "sklearn.covariance._empirical_covariance": "EmpiricalCovariance",
        "sklearn.covariance._graph_lasso": "GraphicalLasso GraphicalLassoCV",
        "sklearn.covariance._robust_covariance": "MinCovDet",
        "sklearn.covariance._shrunk_covariance": "LedoitWolf OAS ShrunkCovariance",
        "sklearn.cross_decomposition._pls": "CCA PLSCanonical PLSRegression PLSSVD",
        "sklearn.decomposition._factor_analysis": "FactorAnalysis",
        "sklearn.decomposition._fastica": "FastICA",
        "sklearn.decomposition._incremental_pca": "IncrementalPCA",
        "sklearn.decomposition._pca": "PCA",
        "sklearn.decomposition._truncated_svd": "TruncatedSVD",
        "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
        "sklearn.feature_extraction.text": "TfidfTransformer",
        "sklearn.kernel_approximation": "AdditiveChi2Sampler RBFSampler SkewedChi2Sampler",
        "sklearn.linear_model._base": "LinearRegression",
        "sklearn.linear_model._bayes": "ARDRegression BayesianRidge",
        "sklearn.linear_model._coordinate_descent": (
            "ElasticNet ElasticNetCV Lasso LassoCV MultiTaskElasticNet MultiTaskElasticNetCV "
            "MultiTaskLasso MultiTaskLassoCV"
        ),
        "sklearn.linear_model._glm.glm": "GammaRegressor PoissonRegressor TweedieRegressor",
        "sklearn.linear_model._huber": "HuberRegressor",
        "sklearn.linear_model._least_angle": "Lars LarsCV LassoLars LassoLarsCV LassoLarsIC",
        "sklearn.linear_model._logistic": "LogisticRegression LogisticRegressionCV",
        "sklearn.linear_model._omp": "OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV",
        "sklearn.linear_model._passive_aggressive": "PassiveAggressiveClassifier PassiveAggressiveRegressor",
        "sklearn.linear_model._perceptron": "Perceptron",
        "sklearn.linear_model._quantile": "QuantileRegressor",
        "sklearn.linear_model._ridge": "Ridge RidgeCV RidgeClassifier RidgeClassifierCV",
        "sklearn.linear_model._stochastic_gradient": "SGDClassifier SGDRegressor",
        "sklearn.linear_model._theil_sen": "TheilSenRegressor",
        "sklearn.naive_bayes": "BernoulliNB ComplementNB GaussianNB MultinomialNB",
        "sklearn.neighbors._nca": "NeighborhoodComponentsAnalysis",
        "sklearn.neural_network._multilayer_perceptron": "MLPClassifier MLPRegressor",
        "sklearn.neural_network._rbm": "BernoulliRBM",
        "sklearn.preprocessing._data": (
            "Binarizer KernelCenterer MaxAbsScaler MinMaxScaler Normalizer PowerTransformer "
            "RobustScaler StandardScaler"
        ),
        "sklearn.random_projection": "GaussianRandomProjection",
        "sklearn.svm._classes": "LinearSVC LinearSVR",
    },
}
"""The contract's name, then module and names. `sklearn.checks` says for each what compiled code trusts, or
why none of it can be led astray: what is handed on, looked up by position, compared row by row, made anew,
trained again and never asked, or added and multiplied goes through functions that look at shapes, types and
bounds themselves."""

LOOKED_AT: Mapping[str, str] = {
    "sklearn.cluster._affinity_propagation": "AffinityPropagation",
    "sklearn.cluster._agglomerative": "AgglomerativeClustering",
    "sklearn.cluster._bicluster": "SpectralBiclustering SpectralCoclustering",
    "sklearn.cluster._dbscan": "DBSCAN",
    "sklearn.cluster._hdbscan.hdbscan": "HDBSCAN",
    "sklearn.cluster._mean_shift": "MeanShift",
    "sklearn.cluster._optics": "OPTICS",
    "sklearn.cluster._spectral": "SpectralClustering",
    "sklearn.covariance._elliptic_envelope": "EllipticEnvelope",
    "sklearn.ensemble._iforest": "IsolationForest",
    "sklearn.feature_extraction.image": "PatchExtractor",
    "sklearn.linear_model._stochastic_gradient": "SGDOneClassSVM",
    "sklearn.manifold._classical_mds": "ClassicalMDS",
    "sklearn.manifold._mds": "MDS",
    "sklearn.manifold._spectral_embedding": "SpectralEmbedding",
    "sklearn.manifold._t_sne": "TSNE",
    "sklearn.mixture._bayesian_mixture": "BayesianGaussianMixture",
    "sklearn.mixture._gaussian_mixture": "GaussianMixture",
    "sklearn.neighbors._kde": "KernelDensity",
    "sklearn.neighbors._lof": "LocalOutlierFactor",
    "sklearn.svm._classes": "OneClassSVM",
}
"""Module and names of estimators that answer nothing that an audit asks, and keep training data all the same.
A file that holds one is opened to look at it, and for nothing else: no method of it is ever called."""

BOOSTERS: Mapping[str, Mapping[str, str]] = {
    "xgboost": {
        "xgboost.core": "Booster",
        "xgboost.sklearn": "XGBClassifier XGBRFClassifier XGBRegressor XGBRFRegressor",
    },
    "lightgbm": {"lightgbm.basic": "Booster", "lightgbm.sklearn": "LGBMClassifier LGBMRegressor"},
    "catboost": {"catboost.core": "CatBoost CatBoostClassifier CatBoostRegressor"},
}
"""By library, module and names of what its pickles hold. None of it is filled with a file's attributes:
each is made by `targets.boosters`, from what was read and checked there."""
